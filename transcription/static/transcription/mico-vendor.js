// <mico-vendor>: the console of one vendor, kept up to date. Each event of the gate has it fetched again at once,
// and a page that somebody looks at asks every few seconds. The HTML is the server's; only what is another is replaced.

import { serverNow, setClock } from "./clock.js";
import { find, findAll } from "./dom.js";
import { spoken } from "./durations.js";
import { PageElement } from "./page-element.js";
import { GATE_EVENTS } from "./page-events.js";
import { fragment, RequestFailed } from "./server.js";
import { fill, setState } from "./state.js";

const EVERY = 3000; // ms
const TICK = 250;

class MicoVendor extends PageElement {
  shown = new Map(); // a part's name → its HTML as the server wrote it

  connect() {
    this.on("mico:snapshot", () => this.look());
    for (const event of GATE_EVENTS) this.on(event, () => this.look());
    this.on("mico:signed-out", () => this.disconnectedCallback());
    this.listen(document, "visibilitychange", () => document.hidden || this.look());
    this.facts = this.find("[data-facts]").dataset;
    setClock(this.facts.now);
    setState(this, this.facts.state);
    this.ticking = setInterval(() => this.countDown(), TICK);
    this.countDown();
    this.look();
  }

  disconnect() {
    clearInterval(this.ticking);
    clearTimeout(this.later);
  }

  // One request at a time: what happens during one is looked at in the next.
  async look() {
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    clearTimeout(this.later);
    do {
      this.again = false;
      await this.refresh();
    } while (this.again);
    this.looking = false;
    if (this.signal.aborted) return;
    this.later = setTimeout(() => document.hidden || this.look(), EVERY);
  }

  async refresh() {
    let html;
    try {
      html = await fragment(this.dataset.url);
    } catch (error) {
      const signedOut = error instanceof RequestFailed && error.status === 401;
      this.stale(!signedOut); // the socket's notice tells people that they are signed out
      return;
    }
    this.stale(false);
    const template = document.createElement("template");
    template.innerHTML = html;
    for (const part of findAll(template.content, "[data-part]")) this.replace(part);
    this.facts = find(template.content, "[data-facts]").dataset;
    setClock(this.facts.now);
    setState(this, this.facts.state);
    this.countDown();
  }

  replace(part) {
    const name = part.dataset.part;
    const html = part.innerHTML;
    if (this.shown.get(name) === html) return;
    this.shown.set(name, html);
    const old = this.find(`[data-part="${name}"]`);
    const open = [...old.querySelectorAll("details[open]")].map((details) => details.id);
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceChildren(...part.childNodes);
    for (const id of open) old.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    if (focused) findAll(old, `#${CSS.escape(focused)}`)[0]?.focus();
  }

  countDown() {
    const next = this.find("[data-fact=next]");
    const { mode, until } = this.facts;
    const left = Date.parse(until) - serverNow();
    let text = "";
    if (mode === "probing") text = next.dataset.trying;
    else if (until) text = left > 0 ? fill(next.dataset.text, { time: spoken(left) }) : next.dataset.asking;
    if (next.textContent !== text) next.textContent = text;
  }

  stale(is) {
    this.toggleAttribute("data-stale", is);
    this.find("[data-stale-notice]").hidden = !is;
  }
}

customElements.define("mico-vendor", MicoVendor);
