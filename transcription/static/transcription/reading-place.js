// Keeps what the reader looks at where it is while the page changes above it. A reader who is at the end of the
// transcript follows: new lines scroll into view until they scroll up.

import { firstIndex } from "./binary-search.js";
import { findAll } from "./dom.js";

const BELOW_END = 24; // px of room below the last line

/** How much of the viewport the fixed head of the page covers, in px. */
export function coveredByHead() {
  return document.querySelector(".head")?.getBoundingClientRect().bottom ?? 0;
}

export class ReadingPlace {
  /** Whether the reader is at the end, and new lines scroll into view. */
  following = false;

  /**
   * @param {HTMLElement} list the lines
   * @param {HTMLElement} end the element after them
   * @param {() => boolean} complete whether the window includes the last line of the meeting
   */
  constructor(list, end, complete) {
    this.list = list;
    this.end = end;
    this.complete = complete;
    this.y = window.scrollY;
    this.following = this.endInView();
    const [head] = findAll(document, ".head");
    this.headHeight = head?.offsetHeight ?? 0;
    if (head) new ResizeObserver(() => this.moved(head)).observe(head);
  }

  /**
   * The head is larger or smaller, because a notice has come or gone (on a phone it takes room): scrolls by as much,
   * unless the reader is at the very top.
   * @param {HTMLElement} head
   */
  moved(head) {
    const by = head.offsetHeight - this.headHeight;
    this.headHeight = head.offsetHeight;
    if (this.following) this.toEnd();
    else if (window.scrollY > 0) this.scrollBy(by);
  }

  endInView() {
    return this.complete() && this.end.getBoundingClientRect().top <= window.innerHeight;
  }

  /**
   * To be called on each scroll event. Returns whether the end is in view. Scrolling by this class has no effect here,
   * as it updates `y` itself.
   */
  scrolled() {
    const up = window.scrollY < this.y - 1;
    this.y = window.scrollY;
    this.following = !up && (this.following || this.endInView());
    return this.endInView();
  }

  /**
   * Runs `change`, and then scrolls so that the first line in view that is still there is where it was.
   * @param {() => void} change
   */
  keep(change) {
    const seen = this.following ? [] : this.inView().map((li) => ({ li, top: li.getBoundingClientRect().top }));
    change();
    const anchor = seen.find(({ li }) => li.isConnected);
    if (anchor) this.scrollBy(anchor.li.getBoundingClientRect().top - anchor.top);
    else if (this.following) this.toEnd();
    this.y = window.scrollY;
  }

  toEnd() {
    this.following = true;
    this.scrollBy(Math.max(0, this.end.getBoundingClientRect().bottom - window.innerHeight + BELOW_END));
  }

  /** @param {HTMLElement} li */
  show(li) {
    this.following = false;
    li.scrollIntoView({ block: "center", behavior: "instant" });
    this.y = window.scrollY;
  }

  /** @param {number} top px */
  scrollBy(top) {
    if (Math.abs(top) >= 1) window.scrollBy({ top, behavior: "instant" });
    this.y = window.scrollY;
  }

  /** The lines that are at least partly visible. */
  inView() {
    const lines = /** @type {HTMLCollectionOf<HTMLElement>} */ (this.list.children);
    const covered = coveredByHead();
    const seen = [];
    let at = firstIndex(lines, (li) => li.getBoundingClientRect().bottom > covered);
    for (; at < lines.length && lines[at].getBoundingClientRect().top < window.innerHeight; at++) {
      if (!lines[at].dataset.more) seen.push(lines[at]);
    }
    return seen;
  }
}
