// <mico-search>: finding words in the meeting. The server knows which lines have them, also those that the page does
// not show; the words in the lines that are shown are marked without touching these (CSS Custom Highlight API).

import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { json } from "./server.js";
import { fill } from "./state.js";
import { wordPattern } from "./word-pattern.js";

const TYPING = 200; // ms
const NEWS = 500; // ms that changes of the transcript are collected

class MicoSearch extends PageElement {
  hits = []; // [recording, position] in the order of speaking
  words = [];
  current = null; // one of hits

  connect() {
    this.input = this.find("input[type=search]", HTMLInputElement);
    this.count = this.find("[data-count-of]");
    this.highlight = globalThis.Highlight && CSS.highlights ? new Highlight() : null;
    if (this.highlight) CSS.highlights.set("mico-found", this.highlight);
    this.listen(this.input, "input", () => this.soon(TYPING, true));
    this.listen(this.input, "keydown", (event) => this.key(event));
    this.listen(this.querySelector("form"), "submit", (event) => event.preventDefault());
    this.listen(this, "click", ({ target }) => {
      const button = target.closest("[data-do]");
      if (button) this.step(Number(button.dataset.do));
    });
    this.on("mico:lines", () => this.mark());
    this.on("mico:recording.changed", () => this.words.length && this.soon(NEWS, false));
    this.show();
  }

  disconnect() {
    clearTimeout(this.timer);
    this.highlight?.clear();
  }

  soon(wait, typed) {
    clearTimeout(this.timer);
    this.typed ||= typed;
    this.timer = setTimeout(() => this.search(), wait);
  }

  // While a composition (a Korean syllable) is being typed, Enter and Escape belong to it.
  key(event) {
    if (event.isComposing) return;
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
    let answer = { lines: [], words: [] };
    if (asked.trim()) {
      try {
        answer = await json(`${this.dataset.url}?${new URLSearchParams({ q: asked })}`);
      } catch {
        this.count.textContent = this.dataset.problem;
        return;
      }
    }
    if (asked !== this.asked) return; // somebody has typed on
    this.hits = answer.lines;
    this.words = answer.words;
    const { current } = this;
    this.current = this.hits.find((hit) => current && hit[0] === current[0] && hit[1] === current[1]) ?? null;
    if (typed && !this.current && this.hits.length) this.goTo(this.firstFromHere());
    this.mark();
    this.show();
  }

  // The first hit that is not above what is read.
  firstFromHere() {
    const top = document.querySelector(".head")?.getBoundingClientRect().bottom ?? 0;
    const at = this.hits.findIndex(([recording, position]) => {
      const line = lineOf(recording, position);
      return line && line.getBoundingClientRect().bottom > top;
    });
    return Math.max(0, at);
  }

  step(by) {
    if (!this.hits.length) return;
    const at = this.hits.indexOf(this.current);
    this.goTo(at < 0 ? this.firstFromHere() : (at + by + this.hits.length) % this.hits.length);
    this.show();
  }

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
    for (const line of document.querySelectorAll(".line[data-found]")) line.removeAttribute("data-found");
    this.highlight?.clear();
    if (!this.words.length) return;
    if (this.current) lineOf(...this.current)?.setAttribute("data-found", "");
    if (!this.highlight) return;
    const pattern = wordPattern(this.words);
    for (const [recording, position] of this.hits) {
      const text = lineOf(recording, position)?.querySelector("p.text")?.firstChild;
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

const lineOf = (recording, position) => document.getElementById(`line-${recording}-${position}`);

customElements.define("mico-search", MicoSearch);
