// Finds the stretches of speech in a stream of samples. Pure: samples in, stretches out; no clock, no browser.
//
// Each 20 ms are compared, band by band, with the noise of the last seconds (a low quantile, so neither speech nor a
// single click counts as noise). Enough of them within a moment open a stretch, which begins a pre-roll earlier; the
// hang-over after the last of them closes it. The noise may have been learned only meanwhile (a fan was switched on):
// a closed stretch is looked at once more with what is known by then, and dropped if nothing in it was speech.
//
// The words of somebody who speaks without a pause must not wait for one: from `soonestMs` on a stretch ends in the
// first pause between two words, in its middle, so that no word is cut. How long that pause has to be shrinks as the stretch grows; at `latestMs` the stretch
// is cut where it was quietest since `soonestMs`. The next one begins with the very next sample.

import { BANDS, Spectrum } from "./spectrum.js";

export const DEFAULTS = {
  rate: 16000, // Hz, of the samples that come in
  preRollMs: 400, // kept from before the first sound
  hangOverMs: 800, // kept after the last; a pause that is shorter ends nothing
  shortestMs: 1200, // a stretch goes on at least this long: "yes" comes with its surroundings
  soonestMs: 16000, // from then on it ends in a pause between words
  latestMs: 20000, // then it is cut
};

const FRAME_MS = 20;
const NOISE_FRAMES = 200; // 4 s that the noise is learned from
const NOISE_QUANTILE = 0.2;
const LEARN_EVERY = 5; // frames
const SILENT = -72; // dB of full scale in a band: below that nothing counts
const ABOVE = 4; // dB over the noise, the mean of all bands: this frame is speech
const MOST = 18; // dB that one band can add
const OPENS = { of: 10, speech: 6 }; // frames: 120 ms of 200 ms
const PAUSE = { soonest: 10, latest: 5 }; // frames that a pause between words has to last: 200 ms first, 100 ms at last
const AROUND = 2; // frames on each side of a cut that count for how quiet it is there

/** @typedef {{ samples: Float32Array, levels: Float32Array, speech: boolean }} Frame 20 ms */

/**
 * A stretch; `start` in samples from the very first one. `goesOn`: it was cut in no pause, maybe within a word, and the
 * next one, which begins with the very next sample, is certain to come.
 * @typedef {{ start: number, samples: Float32Array, goesOn: boolean }} Spoken
 */

export class SpeechDetector {
  /** @param {Partial<typeof DEFAULTS>} [options] */
  constructor(options = {}) {
    const given = { ...DEFAULTS, ...options };
    this.frame = (given.rate * FRAME_MS) / 1000; // samples
    const frames = (/** @type {number} */ ms) => Math.round(ms / FRAME_MS);
    this.preRoll = frames(given.preRollMs);
    this.hangOver = frames(given.hangOverMs);
    this.shortest = frames(given.shortestMs);
    this.cutBetween(given.soonestMs, given.latestMs);
    this.spectrum = new Spectrum(given.rate);
    this.rest = new Float32Array(0); // less than a frame
    this.heard = 0; // frames
    /** @type {Frame[]} The open stretch, or what could become its beginning. */
    this.frames = [];
    this.open = false;
    this.continues = false; // the open stretch began with a cut, maybe within a word
    this.awaited = false; // the stretch before said that this one comes
    /** @type {Float32Array} The level of the noise in each band. */
    this.noise = new Float32Array(BANDS).fill(SILENT);
    // As if it had been silent before: whoever speaks at once is heard.
    this.past = Array.from({ length: NOISE_FRAMES }, () => this.noise);
  }

  /**
   * Sets how soon and how late a stretch of somebody who speaks without a pause ends, from the open stretch on.
   * @param {number} soonestMs
   * @param {number} latestMs
   */
  cutBetween(soonestMs, latestMs) {
    this.latest = Math.round(latestMs / FRAME_MS);
    // Not so late that there would be nowhere to cut, nor so early that next to nothing is left.
    this.soonest = Math.max(AROUND, Math.min(Math.round(soonestMs / FRAME_MS), this.latest - 2 * AROUND - 1));
  }

  /**
   * Takes the next samples, however many, and returns the stretches that ended.
   * @param {Float32Array} samples
   * @returns {Spoken[]}
   */
  push(samples) {
    const all = new Float32Array(this.rest.length + samples.length);
    all.set(this.rest);
    all.set(samples, this.rest.length);
    const ended = [];
    let at = 0;
    for (; at + this.frame <= all.length; at += this.frame) {
      const stretch = this.next(all.slice(at, at + this.frame));
      if (stretch) ended.push(stretch);
    }
    this.rest = all.slice(at);
    return ended;
  }

  /**
   * The sound is interrupted: the open stretch ends here.
   * @returns {Spoken[]}
   */
  interrupt() {
    const stretch = this.open ? this.close(this.frames.length) : null;
    return stretch ? [stretch] : [];
  }

  /**
   * No more sound comes: the open stretch ends here, with its last sample. This detector is not used again.
   * @returns {Spoken[]}
   */
  flush() {
    return this.interrupt().map((spoken) => ({ ...spoken, samples: join([spoken.samples, this.rest]) }));
  }

  // If `open`: where the open stretch began and how long it is, in samples.
  get start() {
    return (this.heard - this.frames.length) * this.frame;
  }

  get length() {
    return this.frames.length * this.frame;
  }

  /** @param {number} from samples of the open stretch; returns what came after them */
  since(from) {
    return join(this.frames.slice(from / this.frame).map((frame) => frame.samples));
  }

  /** @param {Float32Array} samples one frame */
  next(samples) {
    const levels = this.spectrum.push(samples).map((level) => Math.max(level, SILENT));
    this.learn(levels);
    this.frames.push({ samples, levels, speech: this.isSpeech(levels) });
    this.heard += 1;
    return this.open ? this.goOn() : this.maybeOpen();
  }

  /** @param {Float32Array} levels */
  learn(levels) {
    this.past[this.heard % NOISE_FRAMES] = levels;
    if (this.heard % LEARN_EVERY) return;
    this.noise = new Float32Array(BANDS);
    for (let band = 0; band < BANDS; band++) {
      const sorted = Float32Array.from(this.past, (then) => then[band]).sort();
      this.noise[band] = sorted[NOISE_FRAMES * NOISE_QUANTILE];
    }
  }

  /** @param {Float32Array} levels */
  isSpeech(levels) {
    let sum = 0;
    for (let band = 0; band < BANDS; band++) sum += Math.min(MOST, Math.max(0, levels[band] - this.noise[band]));
    return sum > ABOVE * BANDS;
  }

  /** @returns {null} */
  maybeOpen() {
    const recent = this.frames.slice(-OPENS.of);
    if (recent.filter((frame) => frame.speech).length >= OPENS.speech) {
      this.open = true;
      const first = this.frames.length - recent.length + recent.findIndex((frame) => frame.speech);
      this.frames.splice(0, Math.max(0, first - this.preRoll));
    } else if (this.frames.length > this.preRoll + OPENS.of) this.frames.shift();
    return null;
  }

  goOn() {
    const silent = this.frames.length - 1 - this.frames.findLastIndex((frame) => frame.speech);
    const { length } = this.frames;
    if (silent >= this.hangOver && length >= this.shortest) return this.close(length);
    if (length >= this.soonest && silent >= this.pause()) return this.close(length - Math.floor(silent / 2));
    if (length >= this.latest) return this.close(this.quietest(), true);
    return null;
  }

  // How many frames a pause has to last to end the stretch as long as it is now.
  pause() {
    const grown = (this.frames.length - this.soonest) / (this.latest - this.soonest);
    return PAUSE.soonest + grown * (PAUSE.latest - PAUSE.soonest);
  }

  /**
   * Ends the open stretch after its first `count` frames; any others begin the next one, without a sample between.
   * @param {number} count
   * @param {boolean} [inSpeech] the cut is not in a pause
   * @returns {Spoken | null} null if it was no speech
   */
  close(count, inSpeech = false) {
    const start = this.start;
    const frames = this.frames.splice(0, count);
    const wasSpeech = this.wasSpeech(frames);
    this.open = this.frames.length > 0;
    this.continues = inSpeech;
    // Not where only silence has followed so far: that might be the end.
    this.awaited = wasSpeech && inSpeech && this.frames.some((frame) => frame.speech);
    return wasSpeech ? { start, samples: join(frames.map((frame) => frame.samples)), goesOn: this.awaited } : null;
  }

  /**
   * With the noise as it is known now, would anything in these frames have opened a stretch? After a cut that was in no
   * pause, any sound is the end of a word; and if it was said to come it comes, whatever is in it.
   * @param {Frame[]} frames
   */
  wasSpeech(frames) {
    if (this.awaited) return true;
    const speech = frames.map((frame) => this.isSpeech(frame.levels));
    if (this.continues) return speech.includes(true);
    return speech.some((_, n) => speech.slice(n, n + OPENS.of).filter(Boolean).length >= OPENS.speech);
  }

  // Where, since `soonest`, 100 ms are the quietest: the number of frames up to their middle. Of two, the later.
  quietest() {
    const power = this.frames.map(({ samples }) => samples.reduce((sum, sample) => sum + sample * sample, 0));
    let best = { power: Infinity, at: this.latest };
    for (let at = this.soonest; at < this.latest - AROUND; at++) {
      const around = power.slice(at - AROUND, at + AROUND + 1).reduce((sum, one) => sum + one, 0);
      if (around <= best.power) best = { power: around, at };
    }
    return best.at;
  }
}

/** @param {Float32Array[]} parts */
function join(parts) {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
