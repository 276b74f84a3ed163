// The words of lines, with the times at which they were spoken. They are fetched for many lines at once, and looked up
// in a line's text as it is now: it may have been corrected since.

import { firstIndex } from "./binary-search.js";
import { json } from "./server.js";

const LINES = 50; // in one answer of the server

/**
 * A word as the server sends it; times in ms in the recording.
 * @typedef {[start: number, duration: number, text: string]} SpokenWord
 */

/**
 * A word in the text of an element: its characters `from` to `to`, its times `start` and `end` (ms in the recording).
 * @typedef {[from: number, to: number, start: number, end: number]} PlacedWord
 */

export class SpokenWords {
  /** @type {Map<string, Promise<Record<number, SpokenWord[]>>>} answers: "recording/first line" → words by position */
  known = new Map();
  /** @type {WeakMap<Element, { text: string, words: PlacedWord[] }>} */
  places = new WeakMap();

  /**
   * @param {(recording: number, first: number) => string} urlOf where the words of LINES lines are, from `first` on
   */
  constructor(urlOf) {
    this.urlOf = urlOf;
  }

  /** @param {number} recording */
  forget(recording) {
    for (const key of this.known.keys()) if (key.startsWith(`${recording}/`)) this.known.delete(key);
    this.places = new WeakMap();
  }

  /**
   * The words of a line in the text of `element`, in order. Words that are not in the text any more are left out. Empty
   * if the vendor gave no times, or the server does not answer.
   * @param {Element} element
   * @param {number} recording
   * @param {number} position of the line in the recording
   */
  async in(element, recording, position) {
    const text = element.textContent;
    const placed = this.places.get(element);
    if (placed?.text === text) return placed.words;
    const spoken = (await this.fetched(recording, position))[position] ?? [];
    const words = place(spoken, text);
    this.places.set(element, { text, words });
    return words;
  }

  /**
   * @param {number} recording
   * @param {number} position
   */
  fetched(recording, position) {
    const first = position - (position % LINES);
    const key = `${recording}/${first}`;
    if (!this.known.has(key)) this.known.set(key, this.fetch(key, this.urlOf(recording, first)));
    return this.known.get(key);
  }

  /**
   * @param {string} key
   * @param {string} url
   * @returns {Promise<Record<number, SpokenWord[]>>}
   */
  async fetch(key, url) {
    try {
      return (await json(url)).lines;
    } catch {
      this.known.delete(key); // so that the next call asks again
      return {};
    }
  }
}

/**
 * Looks the words up in the text, one after the other.
 * @param {SpokenWord[]} spoken
 * @param {string} text
 */
function place(spoken, text) {
  /** @type {PlacedWord[]} */
  const words = [];
  let from = 0;
  for (const [start, duration, word] of spoken) {
    const at = word ? text.indexOf(word, from) : -1;
    if (at < 0) continue;
    from = at + word.length;
    words.push([at, from, start, start + duration]);
  }
  return words;
}

/**
 * The word that is spoken at this time; between two words the one before. Undefined before the first.
 * @param {PlacedWord[]} words
 * @param {number} ms in the recording
 */
export function wordAt(words, ms) {
  return words[firstIndex(words, (word) => word[2] > ms) - 1];
}

/**
 * A range over some characters of an element, in as many text nodes as they are. Null if the element has fewer
 * characters.
 * @param {Element} element
 * @param {number} from
 * @param {number} to
 */
export function rangeOver(element, from, to) {
  const range = document.createRange();
  const nodes = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let passed = 0;
  let open = false;
  while (nodes.nextNode()) {
    const { length } = nodes.currentNode.textContent;
    if (!open && from < passed + length) {
      range.setStart(nodes.currentNode, from - passed);
      open = true;
    }
    if (open && to <= passed + length) {
      range.setEnd(nodes.currentNode, to - passed);
      return range;
    }
    passed += length;
  }
  return null;
}

/**
 * Which character of an element is at a point of the viewport; null if the point is not in its text.
 * @param {Element} element
 * @param {number} x px
 * @param {number} y px
 */
export function characterAt(element, x, y) {
  const caret = document.caretPositionFromPoint?.(x, y);
  const old = caret ? null : document.caretRangeFromPoint?.(x, y);
  const node = caret?.offsetNode ?? old?.startContainer;
  if (!node || !element.contains(node)) return null;
  const before = document.createRange();
  before.setStart(element, 0);
  before.setEnd(node, caret?.offset ?? old.startOffset);
  return before.toString().length;
}
