// Runs on the browser's audio thread. Sends the microphone's samples to microphone.js in messages {samples, last}. Any
// message from there stops it: it sends the samples that are left, with `last` true.

const PIECE = 1024; // samples in a message, about 20 ms

class Voice extends AudioWorkletProcessor {
  piece = new Float32Array(PIECE);
  filled = 0;
  stopped = false;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.stopped = true;
      this.port.postMessage({ samples: this.piece.slice(0, this.filled), last: true });
    };
  }

  /**
   * Called by the browser with the next samples. Returns whether it is to be called again.
   * @param {Float32Array[][]} inputs by input and channel: there is one input with one channel
   */
  process([[samples]]) {
    if (this.stopped) return false;
    if (!samples) return true; // the device gives no sound at the moment
    if (this.filled + samples.length > PIECE) this.send();
    this.piece.set(samples, this.filled);
    this.filled += samples.length;
    return true;
  }

  send() {
    this.port.postMessage({ samples: this.piece.slice(0, this.filled), last: false });
    this.filled = 0;
  }
}

registerProcessor("voice", Voice);
