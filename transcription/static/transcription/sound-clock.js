// When a sample was heard. Samples are counted, and counts become times by when the pieces arrived: a piece may be
// late, never early, so of the recent ones the least late is right. Recent ones only: a sound card's clock runs a
// little wrong, and stands still while a computer sleeps.

const RECENT = 100; // pieces, about 2 s

export class SoundClock {
  // `now`: a function, ms.
  constructor(rate, now) {
    this.rate = rate;
    this.now = now;
    this.count = 0;
    this.began = []; // when the first sample was heard, as each recent piece has it
  }

  arrived(samples) {
    this.count += samples;
    this.began.push(this.now() - (1000 * this.count) / this.rate);
    if (this.began.length > RECENT) this.began.shift();
  }

  // ms; `second` since the first sample.
  at(second) {
    return Math.min(...this.began) + 1000 * second;
  }
}
