// The <ol> of lines: the window of the transcript, sorted by when the lines were said. An <li data-more="before"> at
// its beginning, or <li data-more="after"> at its end, says that the meeting has lines beyond the window.

import { firstIndex } from "./binary-search.js";
import { findAll } from "./dom.js";

/** @typedef {"before" | "after"} Side of the window */

const FROM_SERVER = ["data-live", "data-goes-on", "data-edited"]; // attributes that a newer version of a line may lack

/**
 * The element of a line; null if it is not in the window.
 * @param {number} recording
 * @param {number} position of the line in its recording
 */
export const lineOf = (recording, position) => document.getElementById(`line-${recording}-${position}`);

/**
 * A line's place in the meeting, as the server reads it: when it was said (ms), its recording, its position in that.
 * @param {HTMLElement} li
 */
export const keyOf = (li) => [li.dataset.at, li.dataset.recording, li.dataset.position].join(".");

/**
 * The numbers by which lines are sorted.
 * @param {HTMLElement} li
 */
const place = (li) => {
  if (li.dataset.more) return [li.dataset.more === "before" ? -1 : Infinity];
  return [Number(li.dataset.at), Number(li.dataset.recording), Number(li.dataset.position)];
};

/**
 * @param {HTMLElement} a
 * @param {HTMLElement} b
 */
function before(a, b) {
  const [x, y] = [place(a), place(b)];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i] < y[i];
  return false;
}

export class LineList {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
  }

  /** The items of the list, `data-more` included. */
  get items() {
    return /** @type {HTMLCollectionOf<HTMLElement>} */ (this.list.children);
  }

  /**
   * The item which says that there are lines beyond this end of the window.
   * @param {Side} side
   * @returns {HTMLElement | undefined}
   */
  more(side) {
    return findAll(this.list, `:scope > [data-more="${side}"]`)[0];
  }

  lines() {
    return findAll(this.list, ":scope > .line");
  }

  /** @param {number} recording */
  of(recording) {
    return findAll(this.list, `:scope > [data-recording="${recording}"]`);
  }

  /**
   * Whether some of a line is below `y`. A line after the end of the window is.
   * @param {HTMLElement} li
   * @param {number} y px from the top of the viewport
   */
  isBelow(li, y) {
    const here = this.list.querySelector(`:scope > #${li.id}`);
    if (here) return here.getBoundingClientRect().bottom > y;
    return this.after(li)?.dataset.more === "after";
  }

  /**
   * Replaces the lines of one recording. New lines that belong beyond an end of the window are left out.
   * @param {number} recording
   * @param {HTMLElement[]} lines
   */
  put(recording, lines) {
    const old = this.of(recording);
    const focused = old.find((li) => li.contains(document.activeElement));
    const same = ["data-edit", "data-history"].find((name) => focused && document.activeElement.hasAttribute(name));
    const ids = new Set(lines.map((li) => li.id));
    for (const li of lines) this.place(li);
    for (const li of old) if (!ids.has(li.id)) this.take(li);
    if (focused && !focused.contains(document.activeElement)) {
      // The button that had the focus is gone: the same one of the line gets it, or else any.
      const heir = focused.isConnected ? focused : this.of(recording)[0];
      const choices = [...(same ? [`[${same}]`] : []), "button, summary", "a"];
      const [button] = heir ? choices.flatMap((selector) => findAll(heir, selector)) : [];
      button?.focus({ preventScroll: true });
    }
  }

  /**
   * Puts one line where it belongs. If an older version of it is there, its element stays and gets the new content.
   * @param {HTMLElement} li
   */
  place(li) {
    const [there] = findAll(this.list, `:scope > #${li.id}`);
    const stays = there && keyOf(there) === keyOf(li);
    const line = there ?? li;
    if (there) become(there, li);
    if (!stays) {
      if (there) this.take(there);
      const next = this.after(line);
      const previous = /** @type {HTMLElement} */ (next ? next.previousElementSibling : this.list.lastElementChild);
      if (next?.dataset.more || previous?.dataset.more) return; // lines may be missing between it and these
      this.list.insertBefore(line, next);
    }
    this.turn(line);
    this.turn(line.nextElementSibling);
  }

  /** @param {HTMLElement} li */
  take(li) {
    const next = li.nextElementSibling;
    li.remove();
    this.turn(next);
  }

  /**
   * Marks a line that continues a turn (several lines of one voice in a row): only a turn's first line has a heading.
   * @param {Element | null} line
   */
  turn(line) {
    const li = /** @type {HTMLElement | null} */ (line);
    if (!li?.dataset.voice) return;
    const previous = /** @type {HTMLElement | null} */ (li.previousElementSibling);
    li.toggleAttribute("data-goes-on", previous?.dataset.voice === li.dataset.voice);
  }

  /**
   * The first item that was said after `li`; null if there is none.
   * @param {HTMLElement} li
   */
  after(li) {
    return this.items[firstIndex(this.items, (other) => before(li, other))] ?? null;
  }

  /**
   * Adds items at an end of the window, as the server sent them.
   * @param {Side} side
   * @param {HTMLElement[]} items
   */
  extend(side, items) {
    this.more(side)?.remove();
    const first = this.list.firstElementChild;
    if (side === "after") this.list.append(...items);
    else this.list.prepend(...items);
    this.turn(side === "after" ? items[0] : first);
  }

  /** @param {HTMLElement[]} items */
  replace(items) {
    this.list.replaceChildren(...items);
  }
}

/**
 * Gives an element the attributes and content of a newer version of its line. An open editor in it stays, and so do the
 * attributes that other modules have set.
 * @param {HTMLElement} there
 * @param {HTMLElement} li
 */
function become(there, li) {
  for (const name of FROM_SERVER) if (!li.hasAttribute(name)) there.removeAttribute(name);
  for (const { name, value } of li.attributes) there.setAttribute(name, value);
  const editor = there.querySelector(":scope > mico-editor");
  for (const child of [...there.childNodes]) if (child !== editor) child.remove();
  there.prepend(...li.childNodes);
}
