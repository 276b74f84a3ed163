// The words of lines with their times: fetched for some lines at a time, and found again in a line's text, whatever
// marks or corrections that has by now.

import { json } from "./server.js";
import { firstAfter } from "./timeline.js";

const LINES = 50; // that the server answers with

export class SpokenWords {
  known = new Map(); // "recording/first line" → promise of {position: [[start, duration, text], …]}
  places = new WeakMap(); // element → {text, words: [[from, to, start, end], …]}

  // urlOf(recording, first line)
  constructor(urlOf) {
    this.urlOf = urlOf;
  }

  forget(recording) {
    for (const key of this.known.keys()) if (key.startsWith(`${recording}/`)) this.known.delete(key);
    this.places = new WeakMap();
  }

  // The words of a line as they stand in `element`: [from, to (characters), start, end (ms in the recording)], in
  // order. Those that were corrected away are left out. Empty where the vendor gave no times, or nothing answers.
  async in(element, recording, position) {
    const text = element.textContent;
    const placed = this.places.get(element);
    if (placed?.text === text) return placed.words;
    const spoken = (await this.fetched(recording, position))[position] ?? [];
    const words = place(spoken, text);
    this.places.set(element, { text, words });
    return words;
  }

  fetched(recording, position) {
    const first = position - (position % LINES);
    const key = `${recording}/${first}`;
    if (!this.known.has(key)) {
      const asked = json(this.urlOf(recording, first))
        .then(({ lines }) => lines)
        .catch(() => {
          this.known.delete(key); // The next line asks again.
          return {};
        });
      this.known.set(key, asked);
    }
    return this.known.get(key);
  }
}

export function place(spoken, text) {
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

// The word that is said `ms` into the recording; between two words the one before. -1: none yet.
export function wordAt(words, ms) {
  return firstAfter(words, (word) => word[2], ms) - 1;
}

// A range over characters of an element, however many text nodes they are spread over.
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

// The character of `element` at a point of the window; null: none.
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
