// Keeps track of the recordings that have a newer version on the server than on the page, until they are fetched.

export class NewerVersions {
  /** @type {Map<number, number>} recording → the oldest version that will do */
  #wanted = new Map();

  /**
   * @param {(recording: number) => number} here the version on the page; -1 if the recording is not there
   */
  constructor(here) {
    this.here = here;
  }

  /** How many recordings have to be fetched. */
  get size() {
    return this.#wanted.size;
  }

  /**
   * Notes that the server has this version. Returns whether it is newer than the page's, and so has to be fetched.
   * @param {number} recording
   * @param {number} version
   */
  want(recording, version) {
    const newer = version > this.here(recording);
    if (newer) this.#wanted.set(recording, Math.max(version, this.#wanted.get(recording) ?? 0));
    return newer;
  }

  /**
   * Asks for the page's own version once more, because an older answer has just replaced its lines.
   * @param {number} recording
   */
  wantAgain(recording) {
    this.#wanted.set(recording, Math.max(this.here(recording), this.#wanted.get(recording) ?? 0));
  }

  /**
   * The recordings for the next request, and their versions.
   * @param {number} most how many at most
   */
  next(most) {
    return new Map([...this.#wanted].slice(0, most));
  }

  /**
   * To be called with the result of `next` when that request was answered, whatever the answer. A recording that got
   * another version in the meantime stays wanted.
   * @param {Map<number, number>} asked
   */
  answered(asked) {
    for (const [recording, version] of asked) {
      if (this.#wanted.get(recording) === version) this.#wanted.delete(recording);
    }
  }

  clear() {
    this.#wanted.clear();
  }
}
