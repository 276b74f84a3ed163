// <mico-search>: finds words in the meeting. The server knows all lines that have them (the hits), in the window or
// not. In the window the words are marked with the CSS Custom Highlight API, which leaves the lines' elements alone.
//
// Hears "mico:lines" and "mico:recording.changed"; dispatches "mico:show-line".

import { closest, findAll, highlightNamed } from "./dom.js";
import { lineOf } from "./line-list.js";
import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { coveredByHead } from "./reading-place.js";
import { json } from "./server.js";
import { fill } from "./state.js";
import { wordPattern } from "./word-pattern.js";

/** @typedef {[recording: number, position: number]} Hit a line */

const TYPING = 200; // ms after the last key until the search
const NEWS = 500; // ms for which changes of the transcript are collected

class MicoSearch extends PageElement {
  /** @type {Hit[]} in the order of speaking */
  hits = [];
  /** @type {string[]} the words of the query, as the server has split it */
  words = [];
  /** @type {Hit | null} one of the hits */
  current = null;
  /** Whether the next search goes to the first hit, because somebody has typed. */
  typed = false;

  connect() {
    this.input = this.find("input[type=search]", HTMLInputElement);
    this.count = this.find("[data-count-of]");
    this.highlight = highlightNamed("mico-found");
    this.listen(this.input, "input", () => this.soon(TYPING, true));
    this.listen(this.input, "keydown", (event) => this.key(event));
    this.listen(this.find("form"), "submit", (event) => event.preventDefault());
    this.listen(this, "click", ({ target }) => {
      const button = closest(target, "[data-do]");
      if (button) this.step(Number(button.dataset.do));
    });
    this.on("mico:lines", () => this.mark());
    this.on("mico:recording.changed", ({ status }) => {
      if (status === "done" && this.words.length) this.soon(NEWS, false); // no other status has words
    });
    this.show();
  }

  disconnect() {
    clearTimeout(this.timer);
    this.highlight?.clear();
  }

  /**
   * @param {number} wait ms
   * @param {boolean} typed
   */
  soon(wait, typed) {
    clearTimeout(this.timer);
    this.typed ||= typed;
    this.timer = setTimeout(() => this.search(), wait);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing) return; // Enter and Escape belong to the composition, of a Korean syllable
    if (event.key === "Enter") {
      event.preventDefault();
      if (this.asked === this.input.value) this.step(event.shiftKey ? -1 : 1);
      else this.search();
    } else if (event.key === "Escape" && this.input.value) {
      event.preventDefault();
      this.input.value = "";
      this.soon(0, true);
    }
  }

  async search() {
    clearTimeout(this.timer);
    const asked = this.input.value;
    const { typed } = this;
    this.typed = false;
    this.asked = asked;
    /** @type {{ lines: Hit[], words: string[] }} */
    let answer = { lines: [], words: [] };
    if (asked.trim()) {
      try {
        answer = await json(`${this.dataset.url}?${new URLSearchParams({ q: asked })}`);
      } catch {
        this.count.textContent = this.dataset.problem;
        return;
      }
    }
    if (asked !== this.asked) return; // a later search has begun
    this.hits = answer.lines;
    this.words = answer.words;
    const { current } = this;
    this.current = this.hits.find((hit) => current && hit[0] === current[0] && hit[1] === current[1]) ?? null;
    if (typed && !this.current && this.hits.length) this.goTo(this.firstFromHere());
    this.mark();
    this.show();
  }

  /** The index of the first hit that is visible or further down; 0 if there is none in the window. */
  firstFromHere() {
    const top = coveredByHead();
    const at = this.hits.findIndex((hit) => lineOf(...hit)?.getBoundingClientRect().bottom > top);
    return Math.max(0, at);
  }

  /** @param {number} by 1: to the next hit, -1: to the one before */
  step(by) {
    if (!this.hits.length) return;
    const at = this.hits.indexOf(this.current);
    this.goTo(at < 0 ? this.firstFromHere() : (at + by + this.hits.length) % this.hits.length);
    this.show();
  }

  /** @param {number} index of the hit */
  goTo(index) {
    this.current = this.hits[index];
    const [recording, position] = this.current;
    dispatch("mico:show-line", { recording, position });
    this.mark();
  }

  show() {
    const { none, some } = this.count.dataset;
    const n = this.hits.indexOf(this.current) + 1;
    if (!this.words.length) this.count.textContent = "";
    else this.count.textContent = this.hits.length ? fill(some, { n, total: this.hits.length }) : none;
    for (const button of this.querySelectorAll("button")) {
      if (button.dataset.do) button.disabled = !this.hits.length;
    }
  }

  mark() {
    for (const line of findAll(document, ".line[data-found]")) line.removeAttribute("data-found");
    this.highlight?.clear();
    if (!this.words.length) return;
    if (this.current) lineOf(...this.current)?.setAttribute("data-found", "");
    if (!this.highlight) return;
    const pattern = wordPattern(this.words);
    for (const hit of this.hits) {
      const text = lineOf(...hit)?.querySelector("p.text")?.firstChild;
      if (!(text instanceof Text)) continue;
      for (const { index, 0: found } of text.data.matchAll(pattern)) {
        const range = new Range();
        range.setStart(text, index);
        range.setEnd(text, index + found.length);
        this.highlight.add(range);
      }
    }
  }
}

customElements.define("mico-search", MicoSearch);
