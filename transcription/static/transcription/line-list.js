// The <ol> of lines: sorted by when they were said, and changed without moving what somebody reads.

const key = (li) => [Number(li.dataset.at), Number(li.dataset.recording), Number(li.dataset.position)];

function before(a, b) {
  const [x, y] = [key(a), key(b)];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i] < y[i];
  return false;
}

export class LineList {
  constructor(list) {
    this.list = list;
    this.versions = new Map();
    for (const li of list.children) this.versions.set(Number(li.dataset.recording), Number(li.dataset.version));
  }

  version(recording) {
    return this.versions.get(recording) ?? -1;
  }

  // Puts the lines of one recording in the place of those that are there. Older ones than those are dropped.
  put(recording, lines) {
    const version = Number(lines[0].dataset.version);
    if (version < this.version(recording)) return false;
    this.versions.set(recording, version);
    const old = [...this.list.querySelectorAll(`:scope > [data-recording="${recording}"]`)];
    const focused = old.some((li) => li.contains(document.activeElement));
    for (const li of old) li.remove();
    for (const li of lines) this.list.insertBefore(li, this.after(li));
    if (focused) (lines[0].querySelector("button, summary") ?? lines[0].querySelector("a"))?.focus({ preventScroll: true });
    return true;
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
}

// Runs `change` so that the line at the top of the reader's view stays where it is; who is at the end goes along.
// Returns whether the end is in view afterwards.
export function steady(list, end, change) {
  const atEnd = inView(end);
  const anchor = atEnd ? null : firstInView(list);
  const top = anchor?.getBoundingClientRect().top;
  change();
  if (anchor?.isConnected) {
    const moved = anchor.getBoundingClientRect().top - top;
    if (Math.abs(moved) >= 1) window.scrollBy({ top: moved, behavior: "instant" });
  } else if (atEnd) {
    follow(end);
  }
  return inView(end);
}

export function follow(end) {
  const over = end.getBoundingClientRect().bottom - window.innerHeight + 24;
  if (over > 0) window.scrollBy({ top: over, behavior: "instant" });
}

export function inView(end) {
  return end.getBoundingClientRect().top <= window.innerHeight;
}

function firstInView(list) {
  const lines = list.children;
  const covered = document.querySelector(".transport")?.getBoundingClientRect().bottom ?? 0;
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].getBoundingClientRect().bottom > covered) high = middle;
    else low = middle + 1;
  }
  return lines[low] ?? null;
}
