// From a device's sample rate to another: a low-pass filter (windowed sinc) of which only the wanted samples are
// computed. Works on a stream: the samples that come out do not depend on how the input was cut into pieces.

const CROSSINGS = 24; // zero crossings of the sinc to each side: the width of the transition
const ROLL_OFF = 0.92; // where the pass band ends, of the half of the lower rate
const BETA = 9; // Kaiser's window: about 90 dB down in the stop band

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

function bessel(x) {
  let sum = 1;
  for (let n = 1, term = 1; term > 1e-12 * sum; n++) sum += term *= (x / (2 * n)) ** 2;
  return sum;
}

export class Resampler {
  // Output sample n is the input at n · from / to, so nothing is shifted in time.
  constructor(from, to) {
    const shared = divisor(from, to);
    this.up = to / shared;
    this.down = from / shared;
    const cut = (ROLL_OFF * Math.min(1, to / from)) / 2; // in cycles per input sample
    this.reach = Math.ceil(CROSSINGS / (2 * cut)); // input samples to each side
    this.phases = Array.from({ length: this.up }, (_, phase) => this.taps(phase / this.up, cut));
    this.held = new Float32Array(this.reach); // silence before the first sample
    this.first = -this.reach; // of the input, the place of held[0]
    this.next = 0; // of the output
  }

  taps(fraction, cut) {
    const taps = new Float32Array(2 * this.reach + 1);
    for (let n = -this.reach; n <= this.reach; n++) {
      const t = n - fraction;
      const part = Math.min(1, Math.abs(t) / (this.reach + 1));
      const sinc = t === 0 ? 1 : Math.sin(2 * Math.PI * cut * t) / (2 * Math.PI * cut * t);
      taps[n + this.reach] = (sinc * bessel(BETA * Math.sqrt(1 - part ** 2))) / bessel(BETA);
    }
    const sum = taps.reduce((total, tap) => total + tap, 0); // every phase passes a constant as it is
    return taps.map((tap) => tap / sum);
  }

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

  // What is still held back when nothing comes any more.
  flush() {
    return this.push(new Float32Array(this.up === this.down ? 0 : this.reach));
  }
}
