// <mico-vendor>: the console of one vendor. It fetches its HTML again at each event of the gate and, while the page is
// visible, every few seconds. Only the parts whose HTML has changed are replaced.
//
// Hears "mico:snapshot", the gate's three events and "mico:signed-out".

import { serverNow, setClock } from "./clock.js";
import { find, findAll } from "./dom.js";
import { spoken } from "./durations.js";
import { PageElement } from "./page-element.js";
import { GATE_EVENTS } from "./page-events.js";
import { fragment, RequestFailed } from "./server.js";
import { fill, setState, setText } from "./state.js";

const EVERY = 3000; // ms
const TICK = 250;

class MicoVendor extends PageElement {
  /** @type {Map<string, string>} the HTML of each part as the server wrote it, by the part's name */
  shown = new Map();

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

  /** Fetches the console now, or once more after the request that is under way. */
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
    let fresh;
    try {
      fresh = await fragment(this.dataset.url);
    } catch (error) {
      const signedOut = error instanceof RequestFailed && error.status === 401;
      this.stale(!signedOut); // mico-socket.js shows a notice of its own to people who are signed out
      return;
    }
    this.stale(false);
    for (const part of findAll(fresh, "[data-part]")) this.replace(part);
    this.facts = find(fresh, "[data-facts]").dataset;
    setClock(this.facts.now);
    setState(this, this.facts.state);
    this.countDown();
  }

  /**
   * Replaces a part if its HTML has changed. Details that are open stay open, and the focus stays on its element.
   * @param {HTMLElement} part
   */
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
    setText(next, text);
  }

  /** @param {boolean} is */
  stale(is) {
    this.toggleAttribute("data-stale", is);
    this.find("[data-stale-notice]").hidden = !is;
  }
}

customElements.define("mico-vendor", MicoVendor);
