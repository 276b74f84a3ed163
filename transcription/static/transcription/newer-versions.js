// Which recordings have a newer version on the server than here, so that they have to be asked for.

export class NewerVersions {
  #wanted = new Map(); // recording → the least version that is wanted

  /**
   * @param {(recording: number) => number} here the version that is here; -1 if there is none
   */
  constructor(here) {
    this.here = here;
  }

  get size() {
    return this.#wanted.size;
  }

  /**
   * Wants this version, if it is newer than the one here, and returns whether it is.
   * @param {number} recording
   * @param {number} version
   */
  want(recording, version) {
    const newer = version > this.here(recording);
    if (newer) this.#wanted.set(recording, Math.max(version, this.#wanted.get(recording) ?? 0));
    return newer;
  }

  /**
   * Wants the version that is here once more: an older answer has taken its place on the page.
   * @param {number} recording
   */
  wantAgain(recording) {
    this.#wanted.set(recording, Math.max(this.here(recording), this.#wanted.get(recording) ?? 0));
  }

  /**
   * The first of those that are wanted, for one request: recording → version.
   * @param {number} most
   */
  next(most) {
    return new Map([...this.#wanted].slice(0, most));
  }

  /**
   * There was an answer to what `next` returned, whatever it brought. A recording of which a newer version became known
   * meanwhile stays wanted.
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
