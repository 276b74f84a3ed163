// <mico-estimate>: for each recording that is under way, its place in the queue and about how long it will take (its
// outlook). The server sends it with each line and each snapshot, and the page counts down in between. No request is
// made.
//
// Hears "mico:snapshot", "mico:lines" and the gate's three events.

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
const OVERDUE = 10_000; // ms after the estimated time, from which on nothing is shown: the estimate was wrong

class MicoEstimate extends PageElement {
  /** @type {Map<string, Outlook>} by recording */
  known = new Map();

  connect() {
    this.on("mico:snapshot", ({ outlook }) => this.receive(outlook ?? {}));
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
