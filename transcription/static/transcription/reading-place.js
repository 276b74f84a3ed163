// Where somebody reads: what they look at stays where it is whatever changes above it. Who is at the end goes along
// with it until they scroll up.

import { findAll } from "./dom.js";

export class ReadingPlace {
  following = false;

  // `list`: the lines; `end`: what stands after them; `complete()`: whether the last line of the meeting is here.
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

  // A notice above the transcript has come or gone, and took room (on a phone): who reads further down stays there.
  moved(head) {
    const by = head.offsetHeight - this.headHeight;
    this.headHeight = head.offsetHeight;
    if (this.following) this.toEnd();
    else if (window.scrollY > 0) this.scrollBy(by);
  }

  endInView() {
    return this.complete() && this.end.getBoundingClientRect().top <= window.innerHeight;
  }

  // To be called on each scroll event: by a person, since our own scrolling remembers where it went.
  scrolled() {
    const up = window.scrollY < this.y - 1;
    this.y = window.scrollY;
    this.following = !up && (this.following || this.endInView());
    return this.endInView();
  }

  // Runs `change`. Of the lines in view, the first that is still there afterwards is where it was.
  keep(change) {
    const seen = this.following ? [] : this.inView().map((li) => [li, li.getBoundingClientRect().top]);
    change();
    const anchor = seen.find(([li]) => li.isConnected);
    if (anchor) this.scrollBy(anchor[0].getBoundingClientRect().top - anchor[1]);
    else if (this.following) this.toEnd();
    this.y = window.scrollY;
  }

  toEnd() {
    this.following = true;
    this.scrollBy(Math.max(0, this.end.getBoundingClientRect().bottom - window.innerHeight + 24));
  }

  show(li) {
    this.following = false;
    li.scrollIntoView({ block: "center", behavior: "instant" });
    this.y = window.scrollY;
  }

  scrollBy(top) {
    if (Math.abs(top) >= 1) window.scrollBy({ top, behavior: "instant" });
    this.y = window.scrollY;
  }

  // The lines of which something can be seen.
  inView() {
    const lines = this.list.children;
    const covered = document.querySelector(".head")?.getBoundingClientRect().bottom ?? 0;
    let [low, high] = [0, lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lines[middle].getBoundingClientRect().bottom > covered) high = middle;
      else low = middle + 1;
    }
    const seen = [];
    for (; low < lines.length && lines[low].getBoundingClientRect().top < window.innerHeight; low++) {
      if (!lines[low].dataset.more) seen.push(lines[low]);
    }
    return seen;
  }
}
