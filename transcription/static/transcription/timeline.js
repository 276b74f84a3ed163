// The recordings of a meeting on one line of time. Plain arithmetic: no sound, no page. Times in ms.

const SOON = 50; // ms by which a line counts as begun: a player is told late

export class Timeline {
  stretches = []; // {recording, at, duration (null: unknown), version, prepared, name, lines}, by (at, recording)
  byRecording = new Map();
  known = null; // the end, once somebody asked for it

  // Takes rows of the server in; what is there already stays the same object, since it may be playing.
  put(rows) {
    for (const row of rows) {
      const stretch = this.byRecording.get(row.recording) ?? { recording: row.recording };
      const { at_ms: at, duration_ms: duration, version, prepared, name, lines } = row;
      Object.assign(stretch, { at, duration, version, prepared, name, lines });
      this.byRecording.set(row.recording, stretch);
    }
    this.stretches = [...this.byRecording.values()].sort((a, b) => a.at - b.at || a.recording - b.recording);
    this.known = null;
  }

  // Of what is shown of a recording; -1: it is not here.
  version(recording) {
    return this.byRecording.get(recording)?.version ?? -1;
  }

  // What its sound itself says, where the server does not know yet.
  measured(stretch, duration) {
    stretch.duration ??= duration;
    this.known = null;
  }

  get end() {
    this.known ??= this.stretches.reduce((end, stretch) => Math.max(end, stretch.at + length(stretch)), 0);
    return this.known;
  }

  // How many recordings have begun at `time`: also the place of the next one.
  begun(time) {
    return firstAfter(this.stretches, (stretch) => stretch.at, time);
  }

  // What sounds at `time`. One whose length nobody knows yet lasts until the next one begins.
  at(time) {
    const begun = this.begun(time);
    return this.stretches
      .slice(0, begun)
      .filter((stretch, i) => (stretch.duration === null ? i === begun - 1 : time < stretch.at + stretch.duration));
  }
}

export function length(stretch) {
  if (stretch.duration !== null) return stretch.duration;
  const last = stretch.lines.at(-1);
  return last ? last[1] + last[2] : 0;
}

// The position of the line that is heard `ms` into a recording: the last one that has begun.
export function lineAt(stretch, ms) {
  const begun = firstAfter(stretch.lines, ([, start]) => start, ms + SOON);
  return stretch.lines[Math.max(0, begun - 1)]?.[0] ?? 0;
}

// A binary search: the index of the first of `list` whose `key` is greater than `value`.
export function firstAfter(list, key, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(list[middle]) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
