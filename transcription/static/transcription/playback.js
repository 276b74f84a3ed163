// Plays a meeting along a Timeline: its recordings one after the other, and those that overlap at the same time. Time
// in which nothing was recorded is skipped. Knows nothing of the page. Times in ms since the meeting began, unless they
// are times in a recording.
//
// Each recording that sounds has a voice: an <audio> of its own. The voice that began first leads: its time sets the
// position in the meeting, and the others are moved when they differ from it. Sound is fetched only for what plays, and
// for the next recording shortly before its turn.

/** @import { Row, Timeline } from "./timeline.js" */

const MOST = 8; // voices at once
const LOOK = 80; // ms between two looks at the position
const OFF = 250; // ms by which a voice may differ from the leading one
const SHORTLY = 10000; // ms before its beginning at which the next recording is fetched

class Voice {
  /**
   * @param {Row} row
   * @param {HTMLAudioElement} audio
   * @param {string} url
   * @param {number} ms where to begin in the recording
   */
  constructor(row, audio, url, ms) {
    this.row = row;
    this.audio = audio;
    this.url = url;
    this.listening = new AbortController();
    audio.preload = "auto";
    audio.src = url;
    if (ms > 0) audio.currentTime = ms / 1000;
  }

  /** Its time in the recording. */
  get ms() {
    return this.audio.currentTime * 1000;
  }

  /** Whether it plays without waiting for data. */
  get steady() {
    return !this.audio.seeking && this.audio.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  /** @param {number} ms in the recording */
  seek(ms) {
    this.audio.currentTime = ms / 1000;
  }
}

/**
 * Dispatches "time" (the position has changed), "state" (it plays or does not), and "unplayable" (detail: the row of a
 * recording that the browser cannot play, and that is left out).
 */
export class Playback extends EventTarget {
  position = 0;
  playing = false;
  rate = 1;
  /** @type {Voice[]} in the order in which they began */
  voices = [];
  /** @type {Voice | null} the next recording's, fetched and not playing yet */
  spare = null;
  /** @type {HTMLAudioElement[]} to be used again: a browser may refuse to play a new one without another press */
  idle = [];
  /** How many recordings of the timeline have begun. */
  begun = 0;

  /**
   * @param {Timeline} timeline
   * @param {(row: Row) => string} urlOf the address of a recording's sound
   */
  constructor(timeline, urlOf) {
    super();
    this.timeline = timeline;
    this.urlOf = urlOf;
  }

  /**
   * @param {"time" | "state" | "unplayable"} type
   * @param {Row} [detail]
   */
  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * What sounds now, with its time in the recording; what began last comes last.
   * @returns {[row: Row, ms: number][]}
   */
  heard() {
    return this.voices.map((voice) => [voice.row, voice.ms]);
  }

  play() {
    if (!this.timeline.rows.length) return;
    if (this.position >= this.timeline.end && !this.voices.length) this.position = 0;
    this.playing = true;
    this.place(this.position);
    this.looking ??= setInterval(() => this.look(), LOOK);
    this.say("state");
  }

  pause() {
    this.playing = false;
    clearInterval(this.looking);
    this.looking = null;
    for (const { audio } of this.voices) audio.pause();
    this.say("state");
  }

  /**
   * Goes to a time. If nothing was recorded then, goes to the beginning of the next recording.
   * @param {number} time
   */
  seek(time) {
    this.place(Math.min(Math.max(0, time), this.timeline.end));
    this.say("time");
  }

  /** @param {number} rate 1 is the normal speed */
  setRate(rate) {
    this.rate = rate;
    for (const { audio } of this.voices) audio.playbackRate = rate;
  }

  /** To be called when the timeline has changed. */
  renew() {
    this.begun = this.timeline.begun(this.position);
    this.say("time");
  }

  close() {
    this.pause();
    for (const voice of [...this.voices]) this.drop(voice);
    if (this.spare) this.drop(this.spare);
  }

  // --- internal

  /** @param {number} time */
  place(time) {
    let wanted = this.timeline.at(time);
    this.begun = this.timeline.begun(time);
    const next = this.timeline.rows[this.begun];
    if (!wanted.length && next) {
      time = next.at;
      wanted = this.timeline.at(time);
      this.begun = this.timeline.begun(time);
    }
    this.position = time;
    for (const voice of [...this.voices]) if (!wanted.includes(voice.row)) this.drop(voice);
    for (const row of wanted) this.bring(row, time - row.at);
    if (this.playing) {
      for (const voice of this.voices) this.sound(voice);
      if (!this.voices.length) this.finish();
    }
  }

  /**
   * Moves a recording's voice, or begins it if it has none.
   * @param {Row} row
   * @param {number} ms in the recording
   */
  bring(row, ms) {
    const voice = this.voices.find((other) => other.row === row);
    if (!voice && this.playing) this.begin(row, ms);
    else if (voice && Math.abs(voice.ms - ms) > 1) voice.seek(ms);
  }

  /**
   * @param {Row} row
   * @param {number} ms in the recording
   */
  begin(row, ms) {
    if (this.voices.length >= MOST) return;
    let voice = this.spare?.row === row && this.spare.url === this.urlOf(row) ? this.spare : null;
    if (voice) {
      this.spare = null;
      if (ms > 0) voice.seek(ms);
    } else {
      voice = this.make(row, ms);
    }
    this.voices.push(voice);
    this.sound(voice);
  }

  /**
   * @param {Row} row
   * @param {number} ms in the recording
   */
  make(row, ms) {
    const voice = new Voice(row, this.idle.pop() ?? new Audio(), this.urlOf(row), ms);
    const signal = voice.listening.signal;
    voice.audio.addEventListener("ended", () => this.ended(voice), { signal });
    voice.audio.addEventListener("error", () => this.broken(voice), { signal });
    voice.audio.addEventListener("loadedmetadata", () => this.measured(voice), { signal });
    return voice;
  }

  /** @param {Voice} voice */
  sound(voice) {
    voice.audio.playbackRate = this.rate;
    voice.audio.play().catch((error) => {
      if (error.name === "NotAllowedError") this.pause(); // the browser wants a press of the person first
    });
  }

  /** @param {Voice} voice */
  drop(voice) {
    voice.listening.abort();
    voice.audio.pause();
    voice.audio.removeAttribute("src");
    voice.audio.load();
    this.idle.push(voice.audio);
    if (this.spare === voice) this.spare = null;
    this.voices = this.voices.filter((other) => other !== voice);
  }

  /** @param {Voice} voice */
  measured({ row, audio }) {
    if (Number.isFinite(audio.duration)) this.timeline.measured(row, audio.duration * 1000);
  }

  /** @param {Voice} voice */
  ended(voice) {
    if (!this.voices.includes(voice)) return;
    this.position = Math.max(this.position, voice.row.at + voice.ms);
    this.drop(voice);
    if (this.playing) this.look();
  }

  /** @param {Voice} voice */
  broken(voice) {
    const sounding = this.voices.includes(voice);
    this.drop(voice);
    if (!sounding) return; // the spare one: it fails again when its turn comes, and is reported then
    this.say("unplayable", voice.row);
    if (this.playing) this.look(); // its time is skipped as if nothing had been recorded
  }

  look() {
    const [before] = this.voices;
    if (before && !before.audio.seeking) this.position = before.row.at + before.ms;
    const { rows } = this.timeline;
    while (rows[this.begun]?.at <= this.position) {
      const row = rows[this.begun++];
      const ms = this.position - row.at;
      this.begin(row, ms < OFF ? 0 : ms); // its beginning is not cut because this look came a little late
    }
    if (!this.voices.length) {
      const next = rows[this.begun];
      if (!next) return this.finish();
      return this.seek(next.at);
    }
    const [lead, ...others] = this.voices;
    for (const voice of others) {
      const ms = this.position - voice.row.at;
      if (lead.steady && voice.steady && Math.abs(voice.ms - ms) > OFF) voice.seek(ms);
    }
    this.fetchNext(lead);
    this.say("time");
  }

  /** @param {Voice} lead the leading one */
  fetchNext(lead) {
    const next = this.timeline.rows[this.begun];
    if (!next || this.spare?.row === next) return;
    const left = lead.row.duration === null ? Infinity : lead.row.at + lead.row.duration - this.position;
    if (Math.min(left, next.at - this.position) > SHORTLY) return;
    if (this.spare) this.drop(this.spare);
    this.spare = this.make(next, 0);
  }

  finish() {
    this.position = this.timeline.end;
    this.pause();
    this.say("time");
  }
}
