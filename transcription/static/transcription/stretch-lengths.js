// How soon and how late a stretch of somebody who speaks on is cut. Where words do not come as fast as people speak (a
// slow computer, a vendor that throttles), short stretches would only make the queue longer: while more of the meeting's
// recordings wait than usually do, stretches grow.

const KEEPS_UP = 3; // recordings that may wait for their words
const LONGER = 2000; // ms, for each further one
const MOST = 20000; // ms, to which it may grow
const FINISHED = ["done", "failed", "cancelled"];

export class StretchLengths {
  /** @type {Set<number>} The meeting's recordings whose words are still to come, as far as this page was told. */
  #waiting = new Set();

  /**
   * @param {number} soonestMs
   * @param {number} latestMs
   */
  constructor(soonestMs, latestMs) {
    this.soonestMs = soonestMs;
    this.latestMs = latestMs;
  }

  /** @param {{ recording: number, status: string }} news */
  changed({ recording, status }) {
    if (FINISHED.includes(status)) this.#waiting.delete(recording);
    else this.#waiting.add(recording);
  }

  /** The page may have missed events. */
  forget() {
    this.#waiting.clear();
  }

  now() {
    const wanted = Math.max(0, this.#waiting.size - KEEPS_UP) * LONGER;
    const more = Math.min(wanted, Math.max(0, MOST - this.latestMs));
    return { soonestMs: this.soonestMs + more, latestMs: this.latestMs + more };
  }
}
