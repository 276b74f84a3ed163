// On the audio thread: hands the microphone's samples on, in pieces of some 20 ms, and the rest when told to stop.

const PIECE = 1024; // samples

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

  process([[samples]]) {
    if (this.stopped) return false;
    if (!samples) return true; // the device gives nothing (any more)
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
