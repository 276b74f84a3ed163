// <mico-recorder>: Record and Stop, the level in words, the time, and the question for the microphone. What was
// recorded goes to the upload queue at once, and is kept there until the server has confirmed it.

import { serverNow } from "./clock.js";
import { ticking } from "./durations.js";
import { Microphone, NoMicrophone } from "./microphone.js";
import { setState } from "./state.js";
import { queue } from "./upload-queue.js";

const LOOK = 100; // ms between two looks at the level
const REMEMBER = 1200; // ms over which the loudest counts: people pause between words
const TELL_OTHERS = 1000; // ms between two words to the other tabs

class MicoRecorder extends HTMLElement {
  connectedCallback() {
    this.page = this.closest("#meeting");
    this.button = this.querySelector("#record");
    this.meter = this.querySelector("#level");
    this.word = this.querySelector(".level-word");
    this.timer = this.querySelector("#timer");
    this.others = new BroadcastChannel("mico-recording");
    this.listening = new AbortController();
    const signal = this.listening.signal;
    this.button.addEventListener("click", () => this.pressed(), { signal });
    window.addEventListener("beforeunload", (event) => this.busy && event.preventDefault(), { signal });
    setState(this, "idle");
  }

  disconnectedCallback() {
    this.listening.abort();
    clearInterval(this.looking);
    this.microphone?.close();
    this.others.close();
  }

  get busy() {
    return ["recording", "stopping"].includes(this.dataset.state);
  }

  pressed() {
    if (this.dataset.state === "recording") this.stop("idle");
    else if (!["asking", "stopping"].includes(this.dataset.state)) this.start();
  }

  async start() {
    setState(this, "asking");
    this.showRecord(true);
    try {
      this.microphone = await Microphone.open();
      await this.microphone.start();
    } catch (error) {
      this.microphone?.close();
      this.microphone = null;
      setState(this, error instanceof NoMicrophone ? error.state : "unsupported");
      this.showRecord(true);
      return;
    }
    this.offsetMs = Math.max(0, Math.round(serverNow() - Date.parse(this.page.dataset.began)));
    this.began = performance.now();
    this.loudest = { level: 0, at: 0 };
    this.told = 0;
    setState(this, "recording");
    this.microphone.addEventListener("lost", () => this.busy && this.stop("device-lost"), { once: true });
    this.looking = setInterval(() => this.look(), LOOK);
    this.keepAwake();
  }

  async stop(after) {
    clearInterval(this.looking);
    setState(this, "stopping");
    const durationMs = performance.now() - this.began;
    const microphone = this.microphone;
    this.microphone = null;
    const blob = await microphone.stop();
    if (blob.size) {
      const name = `${this.page.querySelector("h1").textContent} ${new Date().toISOString().slice(0, 19)}`;
      queue.add({ blob, name: name.replaceAll(/[\\/:]/g, "-"), kind: "live", offsetMs: this.offsetMs, durationMs });
    }
    this.lock?.release().catch(() => {});
    this.lock = null;
    this.tellOthers(false);
    this.meter.value = 0;
    this.word.textContent = "";
    this.timer.textContent = ticking(0);
    setState(this, blob.size ? after : "nothing");
    this.showRecord(true);
  }

  // In every state but while recording, the button says Record.
  showRecord(record) {
    for (const label of this.button.querySelectorAll("[data-when]")) {
      label.hidden = label.dataset.when.includes("idle") !== record;
    }
  }

  look() {
    const now = performance.now();
    const level = this.microphone.level();
    if (level >= this.loudest.level || now - this.loudest.at > REMEMBER) this.loudest = { level, at: now };
    this.meter.value = level ? Math.min(1, Math.max(0, (20 * Math.log10(level) + 60) / 60)) : 0;
    this.say(this.loudness(this.loudest.level));
    this.timer.textContent = ticking(now - this.began);
    if (now - this.told > TELL_OTHERS) this.tellOthers(true);
  }

  loudness(level) {
    if (level < Number(this.dataset.quiet)) return "none";
    return level < Number(this.dataset.low) ? "faint" : "good";
  }

  say(loudness) {
    if (this.word.dataset.loudness === loudness && this.word.textContent) return;
    this.word.dataset.loudness = loudness;
    this.word.textContent = this.word.dataset[loudness];
  }

  tellOthers(recording) {
    this.told = performance.now();
    const title = this.page.querySelector("h1").textContent;
    this.others.postMessage({ recording, title, url: window.location.pathname });
  }

  // A phone that goes to sleep stops recording.
  async keepAwake() {
    try {
      this.lock = await navigator.wakeLock?.request("screen");
    } catch {
      this.lock = null; // a battery that is low may refuse; the recording goes on
    }
  }
}

customElements.define("mico-recorder", MicoRecorder);
