// When a sample was heard. Samples are counted, and the times at which pieces arrive turn counts into times. A piece may
// arrive late, never early, so the least late of the recent ones is right. Only recent ones count: the clock of a sound
// card is slightly off, and it stops while a computer sleeps.

const RECENT = 100; // pieces, about 2 s

export class SoundClock {
  #rate;
  #now;
  #count = 0;
  /** @type {number[]} For each recent piece, when the first sample was heard if this piece was not late; ms. */
  #began = [];

  /**
   * @param {number} rate samples per second
   * @param {() => number} now ms
   */
  constructor(rate, now) {
    this.#rate = rate;
    this.#now = now;
  }

  /** @param {number} samples how many have just arrived */
  arrived(samples) {
    this.#count += samples;
    this.#began.push(this.#now() - (1000 * this.#count) / this.#rate);
    if (this.#began.length > RECENT) this.#began.shift();
  }

  /**
   * When a sample was heard, in ms.
   * @param {number} second its place, in seconds of sound since the first sample
   */
  at(second) {
    return Math.min(...this.#began) + 1000 * second;
  }
}
