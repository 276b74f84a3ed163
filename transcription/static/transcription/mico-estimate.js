// <mico-estimate>: for each recording that is under way, its place in the queue and about how long it will take (its
// outlook), and how much of it is done, if the speech service tells. The server sends both with each line and each
// snapshot, and how much is done with events too; the page counts down in between. No request is made.
//
// Hears "mico:snapshot", "mico:lines", "mico:recording.changed" and the gate's three events.

import { closest, findAll } from "./dom.js";
import { spoken } from "./durations.js";
import { PageElement } from "./page-element.js";
import { GATE_EVENTS } from "./page-events.js";
import { fill, setText } from "./state.js";

/** @import { Outlooks } from "./page-events.js" */

/**
 * `at`: when the words should be there, by `performance.now()`. `told`: whether it was ever long enough to be shown.
 * Null means unknown.
 * @typedef {{ place: number | null, at: number | null, told: boolean }} Outlook
 */

const TICK = 2000; // ms
const SHORT = 10_000; // ms; a shorter time is not shown: the words are there before anybody has read it
const SOON = 15_000; // ms; less than this is shown as "soon"
const LONG = 600_000; // ms; what is done of a longer recording is told in minutes
const OVERDUE = 10_000; // ms after the estimated time, from which on nothing is shown: the estimate was wrong

class MicoEstimate extends PageElement {
  /** @type {Map<string, Outlook>} by recording */
  known = new Map();
  /** @type {Map<string, number>} ms that are done, by recording; it only grows */
  done = new Map();

  connect() {
    this.on("mico:snapshot", ({ outlook, progress }) => {
      this.done = new Map(Object.entries(progress ?? {}));
      this.receive(outlook ?? {});
    });
    this.on("mico:recording.changed", (change) => this.progressed(change));
    this.on("mico:lines", () => this.show());
    // When the gate changes, earlier estimates are wrong. The next snapshot brings new ones.
    for (const event of GATE_EVENTS) this.on(event, () => this.forget());
    this.ticking = setInterval(() => this.show(), TICK);
    this.show();
  }

  disconnect() {
    clearInterval(this.ticking);
  }

  /** @param {Outlooks} outlooks */
  receive(outlooks) {
    for (const recording of this.known.keys()) if (!(recording in outlooks)) this.known.delete(recording);
    for (const [recording, { queue_position, eta_s }] of Object.entries(outlooks)) {
      this.learn(recording, queue_position, eta_s);
    }
    this.show();
  }

  /**
   * @param {string} recording
   * @param {number | null} place in the queue
   * @param {number | null} eta seconds
   */
  learn(recording, place, eta) {
    const left = eta === null ? null : 1000 * eta;
    const told = this.known.get(recording)?.told || left > SHORT;
    this.known.set(recording, { place, at: left === null ? null : performance.now() + left, told });
  }

  /** @param {{ recording: number, status: string, progress_ms: number | null }} change */
  progressed({ recording, status, progress_ms }) {
    if (status === "processing") this.count(String(recording), progress_ms ?? 0);
    else this.done.delete(String(recording)); // a retry starts anew
    this.show();
  }

  /**
   * @param {string} recording
   * @param {number} ms that are done; 0 if it is not told
   */
  count(recording, ms) {
    if (ms > 0) this.done.set(recording, Math.max(ms, this.done.get(recording) ?? 0));
  }

  /** Forgets all times, not the places in the queue. */
  forget() {
    for (const outlook of this.known.values()) outlook.at = null;
    this.show();
  }

  show() {
    for (const span of findAll(document, "#transcript [data-estimate]")) {
      const li = closest(span, "[data-recording]");
      const { recording, status } = li.dataset;
      if (span.hasAttribute("data-fresh")) {
        span.removeAttribute("data-fresh"); // the server's numbers are read once: from then on the time runs down here
        const number = (/** @type {string | undefined} */ text) => (text === undefined ? null : Number(text));
        this.learn(recording, number(span.dataset.place), number(span.dataset.eta));
      }
      const text = this.words(this.known.get(recording), status);
      setText(span, text);
      span.hidden = !text;
    }
    for (const span of findAll(document, "#transcript [data-progress]")) {
      const { recording, duration } = closest(span, "[data-recording]").dataset;
      if (span.hasAttribute("data-fresh")) this.count(recording, Number(span.dataset.done ?? 0));
      span.removeAttribute("data-fresh");
      const text = this.share(this.done.get(recording), Number(duration));
      setText(span, text);
      span.hidden = !text;
    }
  }

  /**
   * "12 of 40 minutes."
   * @param {number | undefined} done ms
   * @param {number} length ms; 0 if it is not known
   */
  share(done, length) {
    if (done === undefined || !length) return "";
    const whole = Math.min(done, length);
    if (length < LONG) {
      return fill(this.dataset.part, { done: spoken(floor(whole, 1000)), total: spoken(floor(length, 1000)) });
    }
    return fill(this.dataset.minutes, { done: Math.floor(whole / 60_000), total: Math.round(length / 60_000) });
  }

  /**
   * @param {Outlook | undefined} outlook
   * @param {string} status
   */
  words(outlook, status) {
    if (!outlook) return "";
    const { place, at, told } = outlook;
    const waits = status === "queued" && place !== null && (place > 1 || told);
    const parts = waits ? [fill(this.dataset.place, { n: place })] : [];
    const left = at === null ? -Infinity : at - performance.now();
    if (told && left > SOON) parts.push(fill(this.dataset.about, { time: spoken(rounded(left)) }));
    else if (told && left > -OVERDUE) parts.push(this.dataset.soon);
    return parts.join(" ");
  }
}

/**
 * @param {number} ms
 * @param {number} step ms
 */
const floor = (ms, step) => ms - (ms % step);

/**
 * Rounds to 20 s, 30 s, … 1 min, 2 min, … 10 min, 15 min, … 1 h, 1 h 10 min: an estimate is no more exact than that.
 * @param {number} ms
 */
function rounded(ms) {
  const steps = [
    [55_000, 10_000],
    [570_000, 60_000],
    [3_600_000, 300_000],
    [Infinity, 600_000],
  ];
  const [, step] = steps.find(([below]) => ms < below);
  return Math.max(step, Math.round(ms / step) * step);
}

customElements.define("mico-estimate", MicoEstimate);
