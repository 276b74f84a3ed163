// Exponential back-off, for everything that is tried again.

export class Backoff {
  #first;
  #longest;
  #upper;

  /**
   * @param {number} first ms
   * @param {number} longest ms
   */
  constructor(first, longest) {
    this.#first = first;
    this.#longest = longest;
    this.#upper = first;
  }

  /**
   * How long to wait before the next try, in ms: at random between half of an upper bound and the whole of it, so that
   * pages that lost the server at the same time do not come back at the same time. Each call doubles the bound.
   */
  next() {
    const pause = this.#upper * (0.5 + Math.random() / 2);
    this.#upper = Math.min(2 * this.#upper, this.#longest);
    return pause;
  }

  /** A try succeeded: the next pause is short again. */
  reset() {
    this.#upper = this.#first;
  }
}
