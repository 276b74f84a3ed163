// A take: from Record to Stop. What the microphone hears becomes stretches of speech, which go to the outbox: in pieces
// of a second while they are spoken, so that a page that is closed in the middle loses no more than that.

import { RATE } from "./hand-in.js";
import { Resampler } from "./resampler.js";
import { SoundClock } from "./sound-clock.js";
import { SpeechDetector } from "./speech-detector.js";

/** @import { Microphone } from "./microphone.js" */
/** @import { Stretch } from "./outbox-store.js" */
/** @import { Spoken } from "./speech-detector.js" */

/**
 * The open stretch: where it began and how much of it is in the outbox, in samples, and in how many pieces. `failed`:
 * the browser could not keep a piece.
 * @typedef {{ stretch: Stretch, start: number, kept: number, pieces: number, failed: boolean }} Open
 */

const JOINED = 250; // ms that the clock may differ from the count of samples where one stretch follows another at once

export class Take {
  heard = 0; // stretches
  /** @type {Open | null} */
  current = null;
  /** @type {Promise<unknown>} To the outbox, one after the other. */
  writing = Promise.resolve();
  ended = 0; // samples; where the last stretch ended
  free = 0; // the same in ms of the meeting; the next stretch begins no earlier
  goesOn = false; // it was cut in no pause, and the next one says the word that the cut may have halved

  /**
   * `about`: of each stretch; `now`: ms since the meeting began; `lengths`: how soon and how late a stretch of somebody
   * who speaks without a pause ends, asked when one begins.
   * @param {{
   *   microphone: Microphone,
   *   outbox: typeof import("./outbox.js").outbox,
   *   about: Pick<Stretch, "title" | "url">,
   *   now: () => number,
   *   lengths?: () => { soonestMs: number, latestMs: number },
   * }} options
   */
  constructor({ microphone, outbox, about, now, lengths }) {
    this.microphone = microphone;
    this.outbox = outbox;
    this.about = about;
    this.id = crypto.randomUUID();
    this.resampler = new Resampler(microphone.rate, RATE);
    this.lengths = lengths;
    this.detector = new SpeechDetector({ rate: RATE, ...lengths?.() });
    this.clock = new SoundClock(microphone.rate, now);
    this.listening = new AbortController();
    const signal = this.listening.signal;
    const hear = (/** @type {CustomEvent<Float32Array>} */ { detail }) => this.hear(detail);
    microphone.addEventListener("sound", /** @type {EventListener} */ (hear), { signal });
    microphone.addEventListener("interrupted", () => this.follow(this.detector.interrupt()), { signal });
    window.addEventListener("pagehide", () => this.current && this.persist(), { signal });
  }

  async start() {
    this.release = await this.outbox.alive(this.id);
    try {
      await this.microphone.start();
    } catch (error) {
      this.listening.abort();
      this.release();
      throw error;
    }
  }

  // Everything that was said is in the outbox when this resolves.
  async stop() {
    await this.microphone.stop();
    this.listening.abort();
    const ended = this.detector.push(this.resampler.flush());
    this.follow([...ended, ...this.detector.flush()]);
    await this.writing;
    this.release();
  }

  get speaking() {
    return this.detector.open;
  }

  /** @param {Float32Array} samples at the microphone's rate */
  hear(samples) {
    this.clock.arrived(samples.length);
    this.follow(this.detector.push(this.resampler.push(samples)));
    if (this.current && this.detector.length - this.current.kept >= RATE) this.persist();
  }

  /**
   * Brings the outbox to where the detector is.
   * @param {Spoken[]} ended
   */
  follow(ended) {
    for (const spoken of ended) this.finish(spoken);
    const { open, start } = this.detector;
    if (this.current && !(open && start === this.current.start)) {
      const { id } = this.current.stretch; // it was no speech
      this.write(() => this.outbox.drop(id));
      this.current = null;
    }
    if (open) this.current ??= this.begin(start);
  }

  /**
   * @param {number} start
   * @returns {Open}
   */
  begin(start) {
    if (this.lengths) {
      const { soonestMs, latestMs } = this.lengths();
      this.detector.cutBetween(soonestMs, latestMs);
    }
    const id = crypto.randomUUID();
    /** @type {Stretch} */
    const stretch = {
      ...this.about,
      id,
      take: this.id,
      began: Date.now(),
      offsetMs: this.offset(start),
      state: "open",
    };
    return { stretch, start, kept: 0, pieces: 0, failed: false };
  }

  /**
   * Returns when in the meeting a stretch begins, in ms. One that begins with the very next sample begins exactly where
   * the one before ended, so that the server can see that they belong together, unless the clock is far off by now; and
   * always, if the one before was cut in no pause.
   * @param {number} start in samples
   */
  offset(start) {
    const heard = Math.round(this.clock.at(start / RATE));
    if (start === this.ended && (this.goesOn || Math.abs(heard - this.free) < JOINED)) return this.free;
    return Math.max(this.free, heard);
  }

  persist() {
    const current = this.current;
    const samples = this.detector.since(current.kept);
    const number = current.pieces++;
    current.kept += samples.length;
    const stretch = { ...current.stretch, samples: current.kept };
    // What cannot be kept now is tried once more when the stretch is complete; the page says that it is so.
    this.write(() => current.failed || this.outbox.add(stretch, number, samples).catch(() => (current.failed = true)));
  }

  /** @param {Spoken} spoken */
  finish({ start, samples, goesOn }) {
    const done = this.current?.start === start ? this.current : this.begin(start);
    this.current = null;
    this.heard += 1;
    const stretch = { ...done.stretch, offsetMs: this.offset(start) };
    this.ended = start + samples.length;
    this.free = stretch.offsetMs + Math.round((1000 * samples.length) / RATE);
    this.goesOn = goesOn && this.detector.open && this.detector.start === this.ended;
    const next = this.goesOn ? this.begin(this.ended) : null;
    if (next) {
      // It is in the outbox before this one says that it comes: a page that is closed now loses no word.
      this.current = next;
      this.persist();
    }
    this.write(() => {
      const whole = { ...stretch, goesOn: next !== null && !next.failed };
      return done.failed
        ? this.outbox.finish(whole, samples, 0, 0)
        : this.outbox.finish(whole, samples, done.pieces, done.kept);
    });
  }

  /**
   * Runs the jobs one after the other. One that fails does not keep the next ones from being written.
   * @param {() => unknown} job
   */
  write(job) {
    this.writing = this.writing.then(job).catch(reportError);
  }
}
