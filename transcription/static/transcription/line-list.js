// The <ol> of lines: a window of the transcript, sorted by when they were said. At its ends may stand an
// <li data-more="before"> or "after": there are lines that are not here.

const FROM_SERVER = ["data-live", "data-goes-on", "data-edited"]; // attributes that a newer line may be without

export const keyOf = (li) => [li.dataset.at, li.dataset.recording, li.dataset.position].join(".");

export const nameOf = (li) => `${li.dataset.recording}.${li.dataset.position}`;

const place = (li) => {
  if (li.dataset.more) return [li.dataset.more === "before" ? -1 : Infinity];
  return [Number(li.dataset.at), Number(li.dataset.recording), Number(li.dataset.position)];
};

function before(a, b) {
  const [x, y] = [place(a), place(b)];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i] < y[i];
  return false;
}

export class LineList {
  constructor(list) {
    this.list = list;
  }

  more(side) {
    return this.list.querySelector(`:scope > [data-more="${side}"]`);
  }

  lines() {
    return [...this.list.querySelectorAll(":scope > .line")];
  }

  of(recording) {
    return [...this.list.querySelectorAll(`:scope > [data-recording="${recording}"]`)];
  }

  // Whether a line, here or beyond the end of the window, goes on below `y` (px in the view).
  isBelow(li, y) {
    const here = this.list.querySelector(`:scope > #${li.id}`);
    if (here) return here.getBoundingClientRect().bottom > y;
    return this.after(li)?.dataset.more === "after";
  }

  // Puts the lines of one recording in the place of those that are there. What is beyond an end of the window is not
  // put anywhere.
  put(recording, lines) {
    const old = this.of(recording);
    const focused = old.find((li) => li.contains(document.activeElement));
    const same = ["data-edit", "data-history"].find((name) => focused && document.activeElement.hasAttribute(name));
    const ids = new Set(lines.map((li) => li.id));
    for (const li of lines) this.place(li);
    for (const li of old) if (!ids.has(li.id)) this.take(li);
    if (focused && !focused.contains(document.activeElement)) {
      const heir = focused.isConnected ? focused : this.of(recording)[0];
      const button = (same && heir?.querySelector(`[${same}]`)) ?? heir?.querySelector("button, summary");
      (button ?? heir?.querySelector("a"))?.focus({ preventScroll: true });
    }
  }

  // One line, by itself: in the place of its former self, which stays the same element, or where it belongs.
  place(li) {
    const there = this.list.querySelector(`:scope > #${li.id}`);
    const stays = there && keyOf(there) === keyOf(li);
    const line = there ?? li;
    if (there) become(there, li);
    if (!stays) {
      if (there) this.take(there);
      const next = this.after(line);
      const previous = next ? next.previousElementSibling : this.list.lastElementChild;
      if (next?.dataset.more || previous?.dataset.more) return; // there may be others between it and these
      this.list.insertBefore(line, next);
    }
    this.turn(line);
    this.turn(line.nextElementSibling);
  }

  take(li) {
    const next = li.nextElementSibling;
    li.remove();
    this.turn(next);
  }

  // Lines of one voice in a row are one turn, with one heading.
  turn(li) {
    if (!li?.dataset.voice) return;
    li.toggleAttribute("data-goes-on", li.previousElementSibling?.dataset.voice === li.dataset.voice);
  }

  // The first line that was said after `li`: a binary search, since a day has thousands of lines.
  after(li) {
    const lines = this.list.children;
    let [low, high] = [0, lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(li, lines[middle])) high = middle;
      else low = middle + 1;
    }
    return lines[low] ?? null;
  }

  // What the server says stands before or after the lines that are here.
  extend(side, items) {
    this.more(side)?.remove();
    const first = this.list.firstElementChild;
    if (side === "after") this.list.append(...items);
    else this.list.prepend(...items);
    this.turn(side === "after" ? items[0] : first);
  }

  replace(items) {
    this.list.replaceChildren(...items);
  }
}

// What is inside `li` except for an open editor, and what the server says of it. The element stays: focus, an
// editor, and what other elements put on it stay with it.
function become(there, li) {
  for (const name of FROM_SERVER) if (!li.hasAttribute(name)) there.removeAttribute(name);
  for (const { name, value } of li.attributes) there.setAttribute(name, value);
  const editor = there.querySelector(":scope > mico-editor");
  for (const child of [...there.childNodes]) if (child !== editor) child.remove();
  there.prepend(...li.childNodes);
}
