// <mico-delay>: the notice of a closed gate. There is one notice per episode, however many requests were refused, and
// everybody sees the same one, whenever they opened the page. Its sentences are in the template; its countdown goes by
// the server's clock.
//
// Hears "mico:snapshot", the gate's three events and "mico:lines"; dispatches "mico:service".

import { serverNow, setClock } from "./clock.js";
import { closest } from "./dom.js";
import { spoken, timeOfDay } from "./durations.js";
import { underWay } from "./known-recordings.js";
import { PageElement } from "./page-element.js";
import { dispatch, GATE_EVENTS } from "./page-events.js";
import { fill, setState, setText } from "./state.js";

/** @import { SttState } from "./page-events.js" */

const TICK = 250; // ms
const CAUGHT_UP = 6000; // ms that "Caught up." is shown
const CATCHING_UP = 120000; // ms that "Catching up…" is shown at most

class MicoDelay extends PageElement {
  /** @type {SttState | null} */
  stt = null;
  /** @type {Set<number>} recordings that were under way when the gate opened and still are */
  behind = new Set();

  connect() {
    this.page = closest(this, "#meeting");
    this.on("mico:snapshot", ({ stt }) => this.receive(stt));
    for (const event of GATE_EVENTS) this.on(event, (stt) => this.receive(stt));
    this.on("mico:lines", () => this.look());
  }

  disconnect() {
    clearInterval(this.ticking);
    clearTimeout(this.fading);
  }

  /** @param {SttState | null} stt */
  receive(stt) {
    if (!stt) {
      if (this.dataset.state === "unknown") setState(this, "calm");
      return;
    }
    setClock(stt.now);
    if (this.stt && stt.version < this.stt.version) return; // messages may arrive out of order
    const before = this.stt;
    this.stt = stt;
    if (stt.scope && stt.state !== "open") this.close();
    else if (before?.scope) this.reopen();
    else if (this.dataset.state === "unknown") setState(this, "calm");
  }

  close() {
    clearTimeout(this.fading);
    this.page.dataset.delayed = this.stt.scope;
    this.dataset.reason = this.stt.reason ?? "";
    this.fact("what").textContent = this.what();
    this.fact("since").textContent = this.stt.since
      ? fill(this.fact("since").dataset.text, { time: timeOfDay(new Date(this.stt.since)) })
      : "";
    this.countDown();
    setState(this, "delayed");
    this.ticking ??= setInterval(() => this.countDown(), TICK);
    dispatch("mico:service", "delayed");
  }

  /** The sentence for the gate's reason, with the administrator's note. */
  what() {
    const of = (/** @type {string} */ reason) => {
      const template = this.querySelector(`template[data-reason="${reason}"]`);
      return template instanceof HTMLTemplateElement ? template : null;
    };
    const template = of(CSS.escape(this.stt.reason ?? "")) ?? of("");
    const sentence = template.content.textContent.trim();
    return this.stt.note ? `${sentence} (${this.stt.note})` : sentence;
  }

  countDown() {
    const next = this.fact("next");
    const left = Date.parse(this.stt.reopens_at ?? "") - serverNow();
    let text = next.dataset.now;
    if (this.stt.state === "held") text = next.dataset.held;
    else if (this.stt.state !== "probing" && left > 0) text = fill(next.dataset.text, { time: spoken(left) });
    setText(next, text);
  }

  reopen() {
    clearInterval(this.ticking);
    this.ticking = null;
    delete this.page.dataset.delayed;
    this.behind = new Set(underWay().keys());
    dispatch("mico:service", "working");
    setState(this, "catching");
    this.fading = setTimeout(() => setState(this, "calm"), CATCHING_UP);
    this.look();
  }

  /** While catching up: checks whether the recordings that were delayed are through. */
  look() {
    if (this.dataset.state !== "catching") return;
    const still = underWay();
    for (const recording of this.behind) if (!still.has(recording)) this.behind.delete(recording);
    if (this.behind.size) return;
    setState(this, "caught-up");
    clearTimeout(this.fading);
    this.fading = setTimeout(() => setState(this, "calm"), CAUGHT_UP);
  }

  /** @param {string} name */
  fact(name) {
    return this.find(`[data-fact="${name}"]`);
  }
}

customElements.define("mico-delay", MicoDelay);
