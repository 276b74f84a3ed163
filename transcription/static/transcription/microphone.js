// The microphone: opened, and its samples handed on. Knows nothing of the page.
//
// Events: "sound" (detail: a Float32Array at `rate`), "lost" (the device is gone), "interrupted" (the system has
// taken the sound away, as a phone does for a call).

import { ownId } from "./microphones.js";

const FIRST_SOUND = 8000; // ms after which a microphone that gives nothing at all, not even silence, is given up
const LAST_WORDS = 1000; // ms that the audio thread has to hand over its rest

/**
 * Why there is no microphone: `name` of the DOMException → the state of the page that explains it.
 * @type {Record<string, string>}
 */
const REFUSALS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "no-device",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class NoMicrophone extends Error {
  /** @param {string} state the state of the page that explains it */
  constructor(state) {
    super(state);
    this.state = state;
  }
}

/**
 * @param {string} id this device and no other; "": the one that the system would use, from then on by its own id
 * @returns {Promise<MediaStream>}
 */
async function listen(id) {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: id ? { ...audio, deviceId: { exact: id } } : audio,
    });
    const settings = stream.getAudioTracks()[0].getSettings();
    const own = id || (await ownId(settings));
    if (id || own === settings.deviceId) return stream;
    for (const track of stream.getTracks()) track.stop();
    return listen(own);
  } catch (error) {
    if (error instanceof NoMicrophone) throw error;
    const { name } = /** @type {DOMException} */ (error);
    if (name === "OverconstrainedError") throw new NoMicrophone(id ? "not-connected" : "no-device");
    throw new NoMicrophone(REFUSALS[name] ?? "busy");
  }
}

export class Microphone extends EventTarget {
  /**
   * Asks the person; throws NoMicrophone.
   * @param {string} id see `listen`
   * @param {string} worklet the address of voice-worklet.js
   */
  static async open(id, worklet) {
    if (!window.isSecureContext || !navigator.mediaDevices) throw new NoMicrophone("insecure");
    if (!window.AudioWorkletNode || !navigator.locks || !window.indexedDB) throw new NoMicrophone("unsupported");
    const microphone = new Microphone(await listen(id));
    try {
      await microphone.context.audioWorklet.addModule(worklet);
    } catch {
      microphone.close();
      throw new NoMicrophone("incomplete"); // no connection, or the server has another version by now
    }
    return microphone;
  }

  /** @param {MediaStream} stream */
  constructor(stream) {
    super();
    this.stream = stream;
    this.context = new AudioContext();
    this.rate = this.context.sampleRate;
    const [track] = stream.getAudioTracks();
    this.id = track.getSettings().deviceId;
    this.label = track.label;
    track.addEventListener("ended", () => this.dispatchEvent(new Event("lost")));
  }

  // Resolves when sound is really coming in; rejects with NoMicrophone if the device is gone, or no sound comes.
  start() {
    this.voice = new AudioWorkletNode(this.context, "voice", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    this.context.createMediaStreamSource(this.stream).connect(this.voice);
    this.context.addEventListener("statechange", () => this.stateChanged());
    return new Promise((/** @type {(heard?: undefined) => void} */ resolve, reject) => {
      const refuse = (/** @type {string} */ state) => reject(new NoMicrophone(state));
      this.addEventListener("lost", () => refuse("no-device"), { once: true });
      const waiting = setTimeout(() => refuse("busy"), FIRST_SOUND);
      this.voice.port.onmessage = ({ data }) => {
        clearTimeout(waiting);
        resolve();
        if (data.samples.length) this.dispatchEvent(new CustomEvent("sound", { detail: data.samples }));
        if (data.last) this.dispatchEvent(new Event("last"));
      };
      this.context.resume().catch(() => {}); // closed meanwhile: then no sound comes, and that is told
    });
  }

  stateChanged() {
    if (this.context.state === "running" || this.context.state === "closed") return;
    this.dispatchEvent(new Event("interrupted"));
    this.context.resume().catch(() => this.dispatchEvent(new Event("lost")));
  }

  // Gives the device back. All that was heard has been handed on when this resolves.
  async stop() {
    await new Promise((resolve) => {
      this.addEventListener("last", resolve, { once: true });
      setTimeout(resolve, LAST_WORDS); // the audio thread may not run any more
      this.voice.port.postMessage("stop");
    });
    this.close();
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop();
    if (this.context.state !== "closed") this.context.close();
  }
}
