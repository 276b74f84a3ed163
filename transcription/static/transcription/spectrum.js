// The level of a sound in a few frequency bands, in dB of full scale.

const SIZE = 512; // samples in one look: 32 ms at 16 kHz
const EDGES = [120, 280, 450, 700, 1000, 1400, 2000, 2800, 4000, 5600]; // Hz
export const BANDS = EDGES.length - 1;

const WINDOW = Float32Array.from({ length: SIZE }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (n + 0.5)) / SIZE));
const FULL_SCALE = (SIZE * SIZE) / 16; // a sine of amplitude 1 through this window gives 0 dB in its bin

export class Spectrum {
  /** @param {number} rate samples per second */
  constructor(rate) {
    this.bins = EDGES.map((hertz) => Math.round((hertz * SIZE) / rate));
    this.recent = new Float32Array(SIZE);
    this.re = new Float32Array(SIZE);
    this.im = new Float32Array(SIZE);
  }

  /**
   * Takes the next samples and returns the level of each band.
   * @param {Float32Array} samples at most SIZE
   */
  push(samples) {
    this.recent.copyWithin(0, samples.length);
    this.recent.set(samples, SIZE - samples.length);
    for (let n = 0; n < SIZE; n++) this.re[n] = this.recent[n] * WINDOW[n];
    this.im.fill(0);
    transform(this.re, this.im);
    const levels = new Float32Array(BANDS);
    for (let band = 0; band < BANDS; band++) {
      let power = 0;
      for (let bin = this.bins[band]; bin < this.bins[band + 1]; bin++) power += this.re[bin] ** 2 + this.im[bin] ** 2;
      levels[band] = 10 * Math.log10(power / FULL_SCALE + 1e-12);
    }
    return levels;
  }
}

/**
 * The fast Fourier transform, in place.
 * @param {Float32Array} re the real parts; their number is a power of two
 * @param {Float32Array} im the imaginary parts
 */
function transform(re, im) {
  const size = re.length;
  for (let n = 1, m = 0; n < size; n++) {
    let bit = size >> 1;
    for (; m & bit; bit >>= 1) m ^= bit;
    m |= bit;
    if (n < m) {
      [re[n], re[m]] = [re[m], re[n]];
      [im[n], im[m]] = [im[m], im[n]];
    }
  }
  for (let half = 1; half < size; half *= 2) {
    for (let k = 0; k < half; k++) {
      const cos = Math.cos((-Math.PI * k) / half);
      const sin = Math.sin((-Math.PI * k) / half);
      for (let a = k; a < size; a += 2 * half) {
        const b = a + half;
        const x = re[b] * cos - im[b] * sin;
        const y = re[b] * sin + im[b] * cos;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}
