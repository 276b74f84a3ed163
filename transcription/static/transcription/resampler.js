// Changes the sample rate of a stream: a low-pass filter (windowed sinc) that computes only the samples that are kept.
// The output does not depend on how the input is cut into pieces.

const CROSSINGS = 24; // zero crossings of the sinc on each side; more make the transition band narrower
const ROLL_OFF = 0.92; // end of the pass band, as a fraction of half the lower rate
const BETA = 9; // of the Kaiser window: about 90 dB down in the stop band

/** @type {(a: number, b: number) => number} The greatest common divisor. */
const divisor = (a, b) => (b ? divisor(b, a % b) : a);

/**
 * The modified Bessel function of the first kind and order 0.
 * @param {number} x
 */
function bessel(x) {
  let sum = 1;
  for (let n = 1, term = 1; term > 1e-12 * sum; n++) sum += term *= (x / (2 * n)) ** 2;
  return sum;
}

export class Resampler {
  /**
   * Output sample n is the input at n · from / to, so nothing is shifted in time.
   * @param {number} from samples per second
   * @param {number} to samples per second
   */
  constructor(from, to) {
    const shared = divisor(from, to);
    this.up = to / shared;
    this.down = from / shared;
    const cut = (ROLL_OFF * Math.min(1, to / from)) / 2; // in cycles per input sample
    this.reach = Math.ceil(CROSSINGS / (2 * cut)); // input samples on each side
    this.phases = Array.from({ length: this.up }, (_, phase) => this.taps(phase / this.up, cut));
    this.held = new Float32Array(this.reach); // silence before the first sample
    this.first = -this.reach; // which input sample held[0] is
    this.next = 0; // which output sample comes next
  }

  /**
   * The filter for output samples that lie between two input samples.
   * @param {number} fraction how far after the first of the two, 0 to 1
   * @param {number} cut in cycles per input sample
   */
  taps(fraction, cut) {
    const taps = new Float32Array(2 * this.reach + 1);
    for (let n = -this.reach; n <= this.reach; n++) {
      const t = n - fraction;
      const part = Math.min(1, Math.abs(t) / (this.reach + 1));
      const sinc = t === 0 ? 1 : Math.sin(2 * Math.PI * cut * t) / (2 * Math.PI * cut * t);
      taps[n + this.reach] = (sinc * bessel(BETA * Math.sqrt(1 - part ** 2))) / bessel(BETA);
    }
    const sum = taps.reduce((total, tap) => total + tap, 0); // so that a constant passes unchanged
    return taps.map((tap) => tap / sum);
  }

  /**
   * Takes the next samples and returns those that can be computed now.
   * @param {Float32Array} samples
   */
  push(samples) {
    if (this.up === this.down) return samples;
    const input = new Float32Array(this.held.length + samples.length);
    input.set(this.held);
    input.set(samples, this.held.length);
    const end = this.first + input.length;
    const made = [];
    for (;;) {
      const middle = Math.floor((this.next * this.down) / this.up);
      if (middle + this.reach >= end) break;
      const taps = this.phases[(this.next * this.down) % this.up];
      const at = middle - this.reach - this.first;
      let sum = 0;
      for (let n = 0; n < taps.length; n++) sum += taps[n] * input[at + n];
      made.push(sum);
      this.next += 1;
    }
    const keep = Math.floor((this.next * this.down) / this.up) - this.reach;
    this.held = input.slice(Math.max(0, keep - this.first));
    this.first = Math.max(this.first, keep);
    return Float32Array.from(made);
  }

  /** The samples that are still held back, after the last input. */
  flush() {
    return this.push(new Float32Array(this.up === this.down ? 0 : this.reach));
  }
}
