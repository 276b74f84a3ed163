// <mico-recorder>: the button Record or Stop, the level of the sound, the time, and the choice of a microphone. take.js
// puts what is spoken into the outbox.
//
// Hears "mico:ended"; dispatches "mico:recording". Other tabs learn of it on a BroadcastChannel
// (recording-elsewhere.js).

import { serverNow } from "./clock.js";
import { closest, find } from "./dom.js";
import { ticking } from "./durations.js";
import { Microphone, NoMicrophone } from "./microphone.js";
import { choose, chosen, microphones } from "./microphones.js";
import { outbox } from "./outbox.js";
import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { RECORDER_STATES } from "./recorder-states.js";
import { prefetch } from "./server.js";
import { setState } from "./state.js";
import { StretchLengths } from "./stretch-lengths.js";
import { Take } from "./take.js";

const LOOK = 100; // ms between two updates of the level
const REMEMBER = 1200; // ms for which the loudest sound counts, since people pause between words
const STALLED = 2000; // ms without samples until "No sound" is shown: during a call for example, or after sleep
const TELL_OTHERS = 1000; // ms between two messages to the other tabs

class MicoRecorder extends PageElement {
  connect() {
    this.page = closest(this, "#meeting");
    this.button = this.find("#record", HTMLButtonElement);
    this.meter = this.find("#level", HTMLProgressElement);
    this.word = this.find(".level-word");
    this.timer = this.find("#timer");
    this.devices = this.find("#microphone", HTMLSelectElement);
    this.others = new BroadcastChannel(`mico-recording ${document.body.dataset.user}`);
    this.pageTitle = document.title;
    this.lengths = new StretchLengths(Number(this.dataset.soonest), Number(this.dataset.latest));
    this.on("mico:snapshot", () => this.lengths.forget());
    this.on("mico:recording.changed", (news) => this.lengths.changed(news));
    this.on("mico:ended", ({ ended }) => ended && this.meetingEnded());
    this.listen(this.button, "click", () => this.pressed());
    this.listen(this.devices, "change", () => choose(this.devices.value));
    if (navigator.mediaDevices) this.listen(navigator.mediaDevices, "devicechange", () => this.listDevices());
    this.listen(window, "beforeunload", (event) => this.busy && event.preventDefault());
    this.listen(document, "visibilitychange", () => this.busy && this.keepAwake());
    setState(this, "idle");
    this.listDevices();
    prefetch(this.dataset.worklet); // so that recording can begin without a network
  }

  disconnect() {
    clearInterval(this.watching);
    this.microphone?.close();
    this.others.close();
  }

  get busy() {
    return RECORDER_STATES[this.dataset.state].busy;
  }

  pressed() {
    const { press } = RECORDER_STATES[this.dataset.state];
    if (press === "stop") this.stop("idle");
    else if (press === "start") this.start();
  }

  async start() {
    setState(this, "asking");
    try {
      this.microphone = await Microphone.open(chosen(), this.dataset.worklet);
      this.take = new Take({
        microphone: this.microphone,
        outbox,
        about: this.about(),
        now: () => this.meetingTime(),
        lengths: () => this.lengths.now(),
      });
      this.loudest = { level: 0, at: 0 };
      this.looked = 0;
      this.listen(this.microphone, "sound", ({ detail }) => this.look(detail));
      this.listen(this.microphone, "lost", () => this.dataset.state === "recording" && this.stop("device-lost"));
      await this.take.start();
    } catch (error) {
      this.microphone?.close();
      this.microphone = null;
      setState(this, error instanceof NoMicrophone ? error.state : "unsupported");
      if (!(error instanceof NoMicrophone)) throw error;
      return;
    }
    this.began = performance.now();
    this.told = 0;
    this.dataset.heard = "0";
    setState(this, "recording");
    document.title = `● ${this.pageTitle}`;
    this.listDevices();
    this.keepAwake();
    this.watching = setInterval(() => this.watch(), STALLED);
    if (this.page.hasAttribute("data-ended")) this.stop("idle"); // it ended while the browser asked for permission
  }

  /** @param {string} after the state afterwards, of RECORDER_STATES; if nothing was heard, "idle" becomes "nothing" */
  async stop(after) {
    setState(this, "stopping");
    clearInterval(this.watching);
    const { take } = this;
    this.take = null;
    await take.stop();
    this.microphone = null;
    this.lock?.release().catch(() => {});
    this.lock = null;
    this.tellOthers(false);
    document.title = this.pageTitle;
    this.meter.value = 0;
    this.word.textContent = "";
    this.timer.textContent = ticking(0);
    this.toggleAttribute("data-speaking", false);
    setState(this, take.heard || after !== "idle" ? after : "nothing");
    this.listDevices();
  }

  /** What every stretch needs to know of the meeting. */
  about() {
    return { title: find(this.page, "h1").textContent, url: this.dataset.url };
  }

  /** The ms since the meeting began. */
  meetingTime() {
    return Math.max(0, serverNow() - Date.parse(this.page.dataset.began));
  }

  /** Fills the list of microphones. During a recording it shows the one in use, and cannot be changed. */
  async listDevices() {
    const all = await microphones();
    const wanted = this.microphone ?? { id: chosen(), label: this.devices.dataset.missing };
    if (wanted.id && !all.some(({ id }) => id === wanted.id)) all.push(wanted);
    const [first] = this.devices.options;
    this.devices.replaceChildren(first, ...all.map(({ id, label }) => new Option(label, id)));
    this.devices.value = wanted.id;
    this.devices.disabled = Boolean(this.microphone);
    closest(this.devices, "label").hidden = !all.length;
  }

  /** @param {Float32Array} samples the newest */
  look(samples) {
    const now = performance.now();
    this.soundAt = now;
    const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    if (level >= this.loudest.level || now - this.loudest.at > REMEMBER) this.loudest = { level, at: now };
    if (this.dataset.state !== "recording" || now - this.looked < LOOK) return;
    this.looked = now;
    this.meter.value = level ? Math.min(1, Math.max(0, (20 * Math.log10(level) + 60) / 60)) : 0;
    this.say(this.loudness(this.loudest.level));
    this.timer.textContent = ticking(now - this.began);
    this.toggleAttribute("data-speaking", this.take.speaking);
    this.dataset.heard = String(this.take.heard);
    if (now - this.told > TELL_OTHERS) this.tellOthers(true);
  }

  /** Clears the level if no samples have come: `look` is not called then. */
  watch() {
    if (performance.now() - this.soundAt < STALLED) return;
    this.meter.value = 0;
    this.say("none");
  }

  /** @param {number} level root mean square, 0 to 1 */
  loudness(level) {
    if (level < Number(this.dataset.quiet)) return "none";
    return level < Number(this.dataset.low) ? "faint" : "good";
  }

  /** @param {"none" | "faint" | "good"} loudness */
  say(loudness) {
    if (this.word.dataset.loudness === loudness && this.word.textContent) return;
    this.word.dataset.loudness = loudness;
    this.word.textContent = this.word.dataset[loudness];
  }

  meetingEnded() {
    if (this.dataset.state === "recording") this.stop("idle");
  }

  /**
   * Tells the meeting, by the socket, and the other tabs of this browser.
   * @param {boolean} recording
   */
  tellOthers(recording) {
    dispatch("mico:recording", { recording });
    this.told = performance.now();
    const { title } = this.about();
    this.others.postMessage({ recording, title, url: window.location.pathname });
  }

  /** Keeps the screen on: a phone that sleeps stops recording. The browser ends this whenever the page is hidden. */
  async keepAwake() {
    if (document.hidden) return;
    try {
      this.lock = await navigator.wakeLock?.request("screen");
    } catch {
      this.lock = null; // refused, with a low battery for example; the recording goes on
    }
    if (!this.busy) this.lock?.release().catch(() => {}); // the recording ended before the browser answered
  }
}

customElements.define("mico-recorder", MicoRecorder);
