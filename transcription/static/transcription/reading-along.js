// What is heard, in the transcript: the lines that sound are lit ([data-heard]), the word in them (the highlight
// "mico-word"), and they stay in view until the reader scrolls. A press on a line or a word says where to play.

import { dispatch } from "./page-events.js";
import { characterAt, rangeOver, SpokenWords, wordAt } from "./spoken-words.js";
import { lineAt } from "./timeline.js";

const SCROLLING_KEYS = new Set(["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"]);
const PRESSABLE = "a, button, summary, label, input, select, textarea, [contenteditable]";

export class ReadingAlong {
  following = true;
  lit = new Map(); // the lit elements, by recording
  newest = null; // the line that began last, by its id

  // onPress(recording, ms in it); onFollow(whether the reader is taken along)
  constructor(transcript, urlOfWords, { onPress, onFollow }, signal) {
    this.onPress = onPress;
    this.onFollow = onFollow;
    this.words = new SpokenWords(urlOfWords);
    this.highlight = globalThis.Highlight && CSS.highlights ? new Highlight() : null;
    if (this.highlight) CSS.highlights.set("mico-word", this.highlight);
    transcript.addEventListener("click", (event) => this.pressed(event), { signal });
    for (const type of ["wheel", "touchmove"]) {
      window.addEventListener(type, () => this.follow(false), { signal, passive: true });
    }
    window.addEventListener("keydown", ({ key }) => SCROLLING_KEYS.has(key) && this.follow(false), { signal });
    // On the scroll bar: nothing of the page is below the pointer.
    window.addEventListener(
      "pointerdown",
      ({ target }) => {
        if (target === document.documentElement) this.follow(false);
      },
      { signal },
    );
  }

  // A recording has other lines now.
  changed(recording) {
    this.words.forget(recording);
  }

  follow(following) {
    if (this.following === following) return;
    this.following = following;
    if (following) this.bringIntoView();
    this.onFollow(following);
  }

  // `heard`: [stretch, ms in it] of all that sounds; the one that began last at the end.
  show(heard) {
    const before = this.newest;
    const recordings = new Set();
    const sounding = [];
    for (const [stretch, ms] of heard) {
      const position = lineAt(stretch, ms);
      const line = document.getElementById(`line-${stretch.recording}-${position}`);
      recordings.add(stretch.recording);
      this.newest = { recording: stretch.recording, position };
      if (!line) continue; // further away than what the page shows
      sounding.push([line, stretch.recording, position, ms]);
      if (this.lit.get(stretch.recording) !== line) {
        this.lit.get(stretch.recording)?.removeAttribute("data-heard");
        line.setAttribute("data-heard", "");
        this.lit.set(stretch.recording, line);
      }
    }
    for (const [recording, line] of this.lit) {
      if (recordings.has(recording)) continue;
      line.removeAttribute("data-heard");
      this.lit.delete(recording);
    }
    const { newest } = this;
    const moved = newest && (newest.recording !== before?.recording || newest.position !== before?.position);
    if (moved && this.following) this.bringIntoView();
    this.showWords(sounding);
    return sounding.at(-1)?.[0] ?? null;
  }

  none() {
    for (const line of this.lit.values()) line.removeAttribute("data-heard");
    this.lit.clear();
    this.newest = null;
    this.highlight?.clear();
  }

  async showWords(sounding) {
    if (!this.highlight) return;
    const ranges = await Promise.all(
      sounding.map(async ([line, recording, position, ms]) => {
        const text = line.querySelector("p.text");
        if (!text || !line.matches(".words")) return null;
        const words = await this.words.in(text, recording, position);
        const word = words[wordAt(words, ms)];
        return word ? rangeOver(text, word[0], word[1]) : null;
      }),
    );
    this.highlight.clear();
    for (const range of ranges) if (range) this.highlight.add(range);
  }

  // The line where it can be read: between the bars at the top and the bottom. One that the page does not show
  // now is asked for.
  bringIntoView() {
    if (!this.newest) return;
    const { recording, position } = this.newest;
    const line = document.getElementById(`line-${recording}-${position}`);
    if (!line) {
      dispatch("mico:show-line", { recording, position });
      return;
    }
    const box = line.getBoundingClientRect();
    const top = document.querySelector(".head")?.getBoundingClientRect().bottom ?? 0;
    const bottom = document.querySelector("mico-player")?.getBoundingClientRect().top ?? window.innerHeight;
    if (box.top >= top && box.bottom <= bottom) return;
    // At once: while it glides, a browser drops what the reader's wheel says.
    line.scrollIntoView({ block: "center", behavior: "instant" });
  }

  // A press on the time of a line plays the line; one on its text, the word.
  async pressed(event) {
    const line = event.target.closest(".line");
    if (!line || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const recording = Number(line.dataset.recording);
    const start = Number(line.dataset.start);
    if (event.target.closest("[data-play]")) {
      event.preventDefault();
      this.onPress(recording, start);
      return;
    }
    const text = event.target.closest("p.text");
    if (!text || event.target.closest(PRESSABLE)) return; // these keep their own meaning
    if (!window.getSelection().isCollapsed) return; // somebody marks words to copy them
    const character = characterAt(text, event.clientX, event.clientY);
    const words = await this.words.in(text, recording, Number(line.dataset.position));
    const word = character === null ? null : words.findLast(([from]) => from <= character);
    this.onPress(recording, word ? word[2] : start);
  }
}
