// When each recording of a meeting begins and ends. Only arithmetic: no sound and no page. Times in ms since the
// meeting began, unless they are times in a recording.

import { firstIndex } from "./binary-search.js";

const SOON = 50; // ms before its beginning at which a line counts as begun, since players report the time late

/**
 * A line: its position in the recording, when it begins there (ms), its duration (ms).
 * @typedef {[position: number, start: number, duration: number]} Line
 */

/**
 * A recording on the timeline.
 * @typedef {object} Row
 * @property {number} recording its id
 * @property {number} at when it begins
 * @property {number | null} duration null: not known yet
 * @property {number} version
 * @property {boolean} prepared whether the server has made a file of it for browsers
 * @property {string} name of the file; "" if it was spoken
 * @property {Line[]} lines in order
 */

/**
 * A recording as the server sends it.
 * @typedef {Omit<Row, "at" | "duration"> & { at_ms: number, duration_ms: number | null }} ServerRow
 */

export class Timeline {
  /** @type {Row[]} by time, then by id */
  rows = [];
  /** @type {Map<number, Row>} */
  byRecording = new Map();
  /** @type {number | null} the result of `end`, until something changes */
  #end = null;

  /**
   * Adds or updates recordings. A row that is there stays the same object, as it may be playing.
   * @param {ServerRow[]} rows
   */
  put(rows) {
    for (const { recording, at_ms: at, duration_ms: duration, version, prepared, name, lines } of rows) {
      const row = this.byRecording.get(recording) ?? /** @type {Row} */ ({ recording });
      Object.assign(row, { at, duration, version, prepared, name, lines });
      this.byRecording.set(recording, row);
    }
    this.rows = [...this.byRecording.values()].sort((a, b) => a.at - b.at || a.recording - b.recording);
    this.#end = null;
  }

  /**
   * The version of a recording here; -1 if it is not here.
   * @param {number} recording
   */
  version(recording) {
    return this.byRecording.get(recording)?.version ?? -1;
  }

  /**
   * Sets a duration that the server does not know yet, as the browser reads it from the file.
   * @param {Row} row
   * @param {number} duration
   */
  measured(row, duration) {
    row.duration ??= duration;
    this.#end = null;
  }

  /** When the last recording ends. */
  get end() {
    this.#end ??= this.rows.reduce((end, row) => Math.max(end, row.at + length(row)), 0);
    return this.#end;
  }

  /**
   * How many recordings have begun at `time`, which is also the index of the next one.
   * @param {number} time
   */
  begun(time) {
    return firstIndex(this.rows, (row) => row.at > time);
  }

  /**
   * The recordings that sound at `time`. One of unknown duration counts until the next one begins.
   * @param {number} time
   */
  at(time) {
    const begun = this.begun(time);
    return this.rows
      .slice(0, begun)
      .filter((row, i) => (row.duration === null ? i === begun - 1 : time < row.at + row.duration));
  }
}

/**
 * A recording's duration; as long as that is unknown, the time until its last line ends.
 * @param {Row} row
 */
export function length(row) {
  if (row.duration !== null) return row.duration;
  const last = row.lines.at(-1);
  return last ? last[1] + last[2] : 0;
}

/**
 * The position of the line that is heard: the last one that has begun.
 * @param {Row} row
 * @param {number} ms in the recording
 */
export function lineAt(row, ms) {
  const begun = firstIndex(row.lines, ([, start]) => start > ms + SOON);
  return row.lines[Math.max(0, begun - 1)]?.[0] ?? 0;
}
