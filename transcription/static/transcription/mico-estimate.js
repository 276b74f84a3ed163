// <mico-estimate>: of each recording on its way, its place in the queue and about how long it takes. The server
// says so with the line and with each snapshot; in between the time runs down here. No request is made for it.

import { closest, findAll } from "./dom.js";
import { spoken } from "./durations.js";
import { PageElement } from "./page-element.js";
import { GATE_EVENTS } from "./page-events.js";
import { fill } from "./state.js";

const TICK = 2000; // ms
const SHORT = 10_000; // ms: what is never further away than this is there before one has read it
const SOON = 15_000;
const OVERDUE = 10_000; // ms: from here on the estimate was wrong, and is not repeated

class MicoEstimate extends PageElement {
  known = new Map(); // recording → { place, at: ms on this page's clock, told: it was long enough to be told }

  connect() {
    this.on("mico:snapshot", ({ outlook }) => this.receive(outlook ?? {}));
    this.on("mico:lines", () => this.show());
    // The way is another now: what was foretold before is not true any more. The next snapshot says what is.
    for (const event of GATE_EVENTS) this.on(event, () => this.unsay());
    this.ticking = setInterval(() => this.show(), TICK);
    this.show();
  }

  disconnect() {
    clearInterval(this.ticking);
  }

  receive(outlook) {
    for (const recording of this.known.keys()) if (!(recording in outlook)) this.known.delete(recording);
    for (const [recording, { queue_position, eta_s }] of Object.entries(outlook)) {
      this.learn(recording, queue_position, eta_s);
    }
    this.show();
  }

  learn(recording, place, eta) {
    const left = eta === null ? null : 1000 * eta;
    const told = this.known.get(recording)?.told || left > SHORT;
    this.known.set(recording, { place, at: left === null ? null : performance.now() + left, told });
  }

  unsay() {
    for (const outlook of this.known.values()) outlook.at = null;
    this.show();
  }

  show() {
    for (const span of findAll(document, "#transcript [data-estimate]")) {
      const li = closest(span, "[data-recording]");
      const { recording, status } = li.dataset;
      if (span.hasAttribute("data-fresh")) {
        span.removeAttribute("data-fresh");
        const number = (text) => (text === undefined ? null : Number(text));
        this.learn(recording, number(span.dataset.place), number(span.dataset.eta));
      }
      const text = this.words(this.known.get(recording), status);
      if (span.textContent !== text) span.textContent = text;
      span.hidden = !text;
    }
  }

  words(outlook, status) {
    if (!outlook) return "";
    const { place, at, told } = outlook;
    const waits = status === "queued" && place !== null && (place > 1 || told);
    const parts = waits ? [fill(this.dataset.place, { n: place })] : [];
    const left = at === null ? -Infinity : at - performance.now();
    if (told && left > SOON) parts.push(fill(this.dataset.about, { time: spoken(softly(left)) }));
    else if (told && left > -OVERDUE) parts.push(this.dataset.soon);
    return parts.join(" ");
  }
}

// 20 s, 30 s, … 1 min, 2 min, … 10 min, 15 min, … 1 h, 1 h 10 min: as exact as it is meant.
function softly(ms) {
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
