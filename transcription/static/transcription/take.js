// A take: from Record to Stop. What the microphone hears becomes stretches of speech, and these go to the outbox:
// while they are spoken in pieces of a second, so that a page that ends in the middle loses no more than that.

import { RATE } from "./hand-in.js";
import { Resampler } from "./resampler.js";
import { SoundClock } from "./sound-clock.js";
import { SpeechDetector } from "./speech-detector.js";

const JOINED = 250; // ms that the clock may differ from the count of samples where one stretch follows another at once

export class Take {
  heard = 0; // stretches
  current = null; // the open one: {stretch, start, kept (samples), pieces, failed}
  writing = Promise.resolve(); // to the outbox, one after the other
  ended = 0; // samples; where the last stretch ended
  free = 0; // the same in ms of the meeting; the next stretch begins no earlier

  // `about`: {title, url}; `now`: a function, ms since the meeting began; `lengths`: how soon and how late a stretch of
  // somebody who speaks on ends, a function that is asked when one begins: {soonestMs, latestMs}.
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
    microphone.addEventListener("sound", ({ detail }) => this.hear(detail), { signal });
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

  hear(samples) {
    this.clock.arrived(samples.length);
    this.follow(this.detector.push(this.resampler.push(samples)));
    if (this.current && this.detector.length - this.current.kept >= RATE) this.persist();
  }

  // Brings the outbox to where the detector is.
  follow(ended) {
    for (const { start, samples } of ended) this.finish(start, samples);
    const { open, start } = this.detector;
    if (this.current && !(open && start === this.current.start)) {
      const { id } = this.current.stretch; // it was no speech
      this.write(() => this.outbox.drop(id));
      this.current = null;
    }
    if (open) this.current ??= this.begin(start);
  }

  begin(start) {
    if (this.lengths) {
      const { soonestMs, latestMs } = this.lengths();
      this.detector.cutBetween(soonestMs, latestMs);
    }
    const id = crypto.randomUUID();
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

  // A stretch that begins with the very next sample begins in the very next moment: the server joins the two. Only a
  // clock that is far off by now moves it.
  offset(start) {
    const heard = Math.round(this.clock.at(start / RATE));
    if (start === this.ended && Math.abs(heard - this.free) < JOINED) return this.free;
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

  finish(start, samples) {
    const done = this.current?.start === start ? this.current : this.begin(start);
    this.current = null;
    this.heard += 1;
    const stretch = { ...done.stretch, offsetMs: this.offset(start) };
    this.ended = start + samples.length;
    this.free = stretch.offsetMs + Math.round((1000 * samples.length) / RATE);
    this.write(() =>
      done.failed
        ? this.outbox.finish(stretch, samples, 0, 0)
        : this.outbox.finish(stretch, samples, done.pieces, done.kept),
    );
  }

  // One that goes wrong does not keep the next ones from being written.
  write(job) {
    this.writing = this.writing.then(job).catch(reportError);
  }
}
