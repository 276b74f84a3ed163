// Shows in the transcript what the player plays: marks the lines ([data-heard]) and the word (the CSS highlight
// "mico-word"), and keeps the line in view until the reader scrolls. A press on a line or a word plays from there.
//
// Dispatches "mico:show-line".

import { closest, find, findAll, highlightNamed } from "./dom.js";
import { lineOf } from "./line-list.js";
import { dispatch } from "./page-events.js";
import { coveredByHead } from "./reading-place.js";
import { characterAt, rangeOver, SpokenWords, wordAt } from "./spoken-words.js";
import { lineAt } from "./timeline.js";

/** @import { Row } from "./timeline.js" */

/**
 * A line that sounds, and its time in the recording (ms).
 * @typedef {{ line: HTMLElement, recording: number, position: number, ms: number }} Sounding
 */

const SCROLLING_KEYS = new Set(["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"]);
const PRESSABLE = "a, button, summary, label, input, select, textarea, [contenteditable]";

export class ReadingAlong {
  /** Whether the line that sounds is kept in view. */
  following = true;
  /** @type {Map<number, HTMLElement>} the marked lines, by recording */
  marked = new Map();
  /** @type {{ recording: number, position: number } | null} the line that began last */
  newest = null;

  /**
   * @param {HTMLElement} transcript
   * @param {(recording: number, first: number) => string} urlOfWords see SpokenWords
   * @param {object} calls
   * @param {(recording: number, ms: number) => void} calls.onPress from where to play (ms in the recording)
   * @param {() => void} calls.onFollow `following` has changed
   * @param {AbortSignal} signal ends all listening
   */
  constructor(transcript, urlOfWords, { onPress, onFollow }, signal) {
    this.onPress = onPress;
    this.onFollow = onFollow;
    this.words = new SpokenWords(urlOfWords);
    this.highlight = highlightNamed("mico-word");
    transcript.addEventListener("click", (event) => this.pressed(event), { signal });
    for (const type of ["wheel", "touchmove"]) {
      window.addEventListener(type, () => this.follow(false), { signal, passive: true });
    }
    window.addEventListener("keydown", ({ key }) => SCROLLING_KEYS.has(key) && this.follow(false), { signal });
    window.addEventListener(
      "pointerdown",
      ({ target }) => {
        if (target === document.documentElement) this.follow(false); // a press on the scroll bar
      },
      { signal },
    );
  }

  /**
   * To be called when the lines of a recording have changed.
   * @param {number} recording
   */
  changed(recording) {
    this.words.forget(recording);
  }

  /** @param {boolean} following */
  follow(following) {
    if (this.following === following) return;
    this.following = following;
    if (following) this.bringIntoView();
    this.onFollow();
  }

  /**
   * Marks what sounds. Returns the line that began last, or null if none of what sounds is in the window.
   * @param {[row: Row, ms: number][]} heard as Playback.heard has it
   */
  show(heard) {
    const before = this.newest;
    const recordings = new Set();
    /** @type {Sounding[]} */
    const sounding = [];
    for (const [row, ms] of heard) {
      const { recording } = row;
      const position = lineAt(row, ms);
      const line = lineOf(recording, position);
      recordings.add(recording);
      this.newest = { recording, position };
      if (!line) continue; // not in the window
      sounding.push({ line, recording, position, ms });
      if (this.marked.get(recording) !== line) {
        this.marked.get(recording)?.removeAttribute("data-heard");
        line.setAttribute("data-heard", "");
        this.marked.set(recording, line);
      }
    }
    for (const [recording, line] of this.marked) {
      if (recordings.has(recording)) continue;
      line.removeAttribute("data-heard");
      this.marked.delete(recording);
    }
    const { newest } = this;
    const moved = newest && (newest.recording !== before?.recording || newest.position !== before?.position);
    if (moved && this.following) this.bringIntoView();
    this.showWords(sounding);
    return sounding.at(-1)?.line ?? null;
  }

  /** Nothing sounds any more. */
  none() {
    for (const line of this.marked.values()) line.removeAttribute("data-heard");
    this.marked.clear();
    this.newest = null;
    this.highlight?.clear();
  }

  /** @param {Sounding[]} sounding */
  async showWords(sounding) {
    if (!this.highlight) return;
    const ranges = await Promise.all(
      sounding.map(async ({ line, recording, position, ms }) => {
        const [text] = findAll(line, "p.text");
        if (!text || !line.matches(".words")) return null;
        const word = wordAt(await this.words.in(text, recording, position), ms);
        return word ? rangeOver(text, word[0], word[1]) : null;
      }),
    );
    this.highlight.clear();
    for (const range of ranges) if (range) this.highlight.add(range);
  }

  /** Scrolls to the line that began last, unless it is visible. If it is not in the window, it is asked for. */
  bringIntoView() {
    if (!this.newest) return;
    const { recording, position } = this.newest;
    const line = lineOf(recording, position);
    if (!line) {
      dispatch("mico:show-line", { recording, position });
      return;
    }
    const box = line.getBoundingClientRect();
    const bottom = find(document, "mico-player").getBoundingClientRect().top;
    if (box.top >= coveredByHead() && box.bottom <= bottom) return;
    // Not smoothly: while a page glides, browsers ignore the wheel.
    line.scrollIntoView({ block: "center", behavior: "instant" });
  }

  /**
   * A press on a line's time plays the line, a press on a word plays from the word.
   * @param {MouseEvent} event
   */
  async pressed(event) {
    const line = closest(event.target, ".line");
    if (!line || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const recording = Number(line.dataset.recording);
    const start = Number(line.dataset.start);
    if (closest(event.target, "[data-play]")) {
      event.preventDefault();
      this.onPress(recording, start);
      return;
    }
    const text = closest(event.target, "p.text");
    if (!text || closest(event.target, PRESSABLE)) return; // buttons, links and fields keep their own meaning
    if (!window.getSelection().isCollapsed) return; // somebody selects text
    const character = characterAt(text, event.clientX, event.clientY);
    const words = await this.words.in(text, recording, Number(line.dataset.position));
    const word = character === null ? null : words.findLast(([from]) => from <= character);
    this.onPress(recording, word ? word[2] : start);
  }
}
