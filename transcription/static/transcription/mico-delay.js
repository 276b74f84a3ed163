// <mico-delay>: the one notice of a closed gate. One for an episode, however many refusals; the same for everybody,
// whenever they came. What it says is in the page's templates; how long it takes goes by the server's clock.

import { serverNow, setClock } from "./clock.js";
import { closest } from "./dom.js";
import { spoken, timeOfDay } from "./durations.js";
import { live } from "./known-recordings.js";
import { PageElement } from "./page-element.js";
import { dispatch, GATE_EVENTS } from "./page-events.js";
import { fill, setState } from "./state.js";

const CAUGHT_UP = 6000; // ms that "caught up" stays
const CATCHING_UP = 120000; // ms after which nobody wonders any more

class MicoDelay extends PageElement {
  stt = null;

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

  receive(stt) {
    if (!stt) {
      if (this.dataset.state === "unknown") setState(this, "calm");
      return;
    }
    setClock(stt.now);
    if (this.stt && stt.version < this.stt.version) return; // older than what is known
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
    this.ticking ??= setInterval(() => this.countDown(), 250);
    this.announceState("delayed");
  }

  what() {
    const of = (reason) => {
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
    if (next.textContent !== text) next.textContent = text;
  }

  // The gate is open. What waited while it was closed is on its way now; once that is through, we have caught up.
  reopen() {
    clearInterval(this.ticking);
    this.ticking = null;
    delete this.page.dataset.delayed;
    this.behind = new Set(live().map(([recording]) => recording));
    this.announceState("working");
    setState(this, "catching");
    this.fading = setTimeout(() => setState(this, "calm"), CATCHING_UP);
    this.look();
  }

  look() {
    if (this.dataset.state !== "catching") return;
    const still = new Set(live().map(([recording]) => recording));
    for (const recording of this.behind) if (!still.has(recording)) this.behind.delete(recording);
    if (this.behind.size) return;
    setState(this, "caught-up");
    clearTimeout(this.fading);
    this.fading = setTimeout(() => setState(this, "calm"), CAUGHT_UP);
  }

  announceState(state) {
    dispatch("mico:service", state);
  }

  fact(name) {
    return this.find(`[data-fact="${name}"]`);
  }
}

customElements.define("mico-delay", MicoDelay);
