// The microphone: opened, measured and captured. Knows nothing of the page.

const TYPES = ["audio/webm;codecs=opus", "audio/mp4;codecs=mp4a.40.2", "audio/mp4", "audio/ogg;codecs=opus"];
const BITS_PER_SECOND = 64000; // speech needs no more
const CHUNK = 1000; // ms; what is captured is in hand this often

// Why there is no microphone: `name` of the DOMException → the state of the page that explains it.
const REFUSALS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "no-device",
  OverconstrainedError: "no-device",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class NoMicrophone extends Error {
  constructor(state) {
    super(state);
    this.state = state;
  }
}

export class Microphone extends EventTarget {
  // Asks the person; throws NoMicrophone.
  static async open() {
    if (!window.isSecureContext || !navigator.mediaDevices) throw new NoMicrophone("insecure");
    if (!window.MediaRecorder) throw new NoMicrophone("unsupported");
    try {
      const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      return new Microphone(await navigator.mediaDevices.getUserMedia({ audio }));
    } catch (error) {
      throw new NoMicrophone(REFUSALS[error.name] ?? "busy");
    }
  }

  constructor(stream) {
    super();
    this.stream = stream;
    this.chunks = [];
    // Another device is never taken in silence: if this one goes, the recording ends, and the page says so.
    stream.getAudioTracks()[0].addEventListener("ended", () => this.dispatchEvent(new Event("lost")));
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
  }

  // Resolves when sound is really being captured.
  start() {
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.recorder = new MediaRecorder(this.stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND });
    this.recorder.addEventListener("dataavailable", ({ data }) => data.size && this.chunks.push(data));
    this.context.resume();
    return new Promise((resolve) => {
      this.recorder.addEventListener("start", resolve, { once: true });
      this.recorder.start(CHUNK);
    });
  }

  // Everything from start to now, as one file. The device is given back.
  async stop() {
    if (this.recorder?.state === "recording") {
      await new Promise((resolve) => {
        this.recorder.addEventListener("stop", resolve, { once: true });
        this.recorder.stop();
      });
    }
    this.close();
    return new Blob(this.chunks, { type: this.recorder?.mimeType.split(";")[0] ?? "" });
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop();
    if (this.context.state !== "closed") this.context.close();
  }

  // How loud it is right now: root mean square, 0 to 1.
  level() {
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return Math.sqrt(sum / this.samples.length);
  }
}
