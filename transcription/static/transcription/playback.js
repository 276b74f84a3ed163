// Playing a meeting: recordings one after the other along a Timeline, those that overlap together, as it was. Time
// in which nothing was recorded is skipped. Knows nothing of the page. Times in ms.
//
// Each recording that sounds is a voice, an <audio> of its own. The one that began first leads: its clock is the
// meeting's, and the others are put right when they are off. Only what sounds now, and the next one shortly before
// its turn, is ever fetched.

const MOST = 8; // voices at once
const LOOK = 80; // ms between two looks at where it is
const OFF = 250; // ms that a voice may be off
const SHORTLY = 10000; // ms before its turn that the next recording is fetched

class Voice {
  constructor(stretch, audio, url, ms) {
    this.stretch = stretch;
    this.audio = audio;
    this.url = url;
    this.listening = new AbortController();
    audio.preload = "auto";
    audio.src = url;
    if (ms > 0) audio.currentTime = ms / 1000;
  }

  get ms() {
    return this.audio.currentTime * 1000;
  }

  get steady() {
    return !this.audio.seeking && this.audio.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  seek(ms) {
    this.audio.currentTime = ms / 1000;
  }
}

export class Playback extends EventTarget {
  position = 0;
  playing = false;
  rate = 1;
  voices = [];
  spare = null; // the next one's voice, fetched and not begun
  idle = []; // <audio> elements without a job: made anew they would have to be allowed to play again
  begun = 0; // how many stretches of the timeline have begun

  // urlOf(stretch): where its sound is.
  constructor(timeline, urlOf) {
    super();
    this.timeline = timeline;
    this.urlOf = urlOf;
  }

  // Events: "time" (it went on), "state" (playing or not), "unplayable" (detail: the stretch, which was left out).
  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // What is heard now, the one that began last at the end: [stretch, ms in it].
  heard() {
    return this.voices.map((voice) => [voice.stretch, voice.ms]);
  }

  play() {
    if (!this.timeline.stretches.length) return;
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

  // To a time in the meeting; where nothing was recorded, to what was recorded next.
  seek(time) {
    this.place(Math.min(Math.max(0, time), this.timeline.end));
    this.say("time");
  }

  setRate(rate) {
    this.rate = rate;
    for (const { audio } of this.voices) audio.playbackRate = rate;
  }

  // The server knows more of the timeline than before.
  renew() {
    this.begun = this.timeline.begun(this.position);
    this.say("time");
  }

  close() {
    this.pause();
    for (const voice of [...this.voices]) this.drop(voice);
    if (this.spare) this.drop(this.spare);
  }

  // --- inside

  place(time) {
    let wanted = this.timeline.at(time);
    this.begun = this.timeline.begun(time);
    const next = this.timeline.stretches[this.begun];
    if (!wanted.length && next) {
      time = next.at;
      wanted = this.timeline.at(time);
      this.begun = this.timeline.begun(time);
    }
    this.position = time;
    for (const voice of [...this.voices]) if (!wanted.includes(voice.stretch)) this.drop(voice);
    for (const stretch of wanted) this.bring(stretch, time - stretch.at);
    if (this.playing) {
      for (const voice of this.voices) this.sound(voice);
      if (!this.voices.length) this.finish();
    }
  }

  // A stretch to a time in it.
  bring(stretch, ms) {
    const voice = this.voices.find((other) => other.stretch === stretch);
    if (!voice && this.playing) this.begin(stretch, ms);
    else if (voice && Math.abs(voice.ms - ms) > 1) voice.seek(ms);
  }

  begin(stretch, ms) {
    if (this.voices.length >= MOST) return;
    let voice = this.spare?.stretch === stretch && this.spare.url === this.urlOf(stretch) ? this.spare : null;
    if (voice) {
      this.spare = null;
      if (ms > 0) voice.seek(ms);
    } else {
      voice = this.make(stretch, ms);
    }
    this.voices.push(voice);
    this.sound(voice);
  }

  make(stretch, ms) {
    const voice = new Voice(stretch, this.idle.pop() ?? new Audio(), this.urlOf(stretch), ms);
    const signal = voice.listening.signal;
    voice.audio.addEventListener("ended", () => this.ended(voice), { signal });
    voice.audio.addEventListener("error", () => this.broken(voice), { signal });
    voice.audio.addEventListener("loadedmetadata", () => this.measured(voice), { signal });
    return voice;
  }

  sound(voice) {
    voice.audio.playbackRate = this.rate;
    voice.audio.play().catch((error) => {
      if (error.name === "NotAllowedError") this.pause(); // the browser wants a press first
    });
  }

  drop(voice) {
    voice.listening.abort();
    voice.audio.pause();
    voice.audio.removeAttribute("src");
    voice.audio.load();
    this.idle.push(voice.audio);
    if (this.spare === voice) this.spare = null;
    this.voices = this.voices.filter((other) => other !== voice);
  }

  measured({ stretch, audio }) {
    if (Number.isFinite(audio.duration)) this.timeline.measured(stretch, audio.duration * 1000);
  }

  ended(voice) {
    if (!this.voices.includes(voice)) return;
    this.position = Math.max(this.position, voice.stretch.at + voice.ms);
    this.drop(voice);
    if (this.playing) this.look();
  }

  broken(voice) {
    const sounding = this.voices.includes(voice);
    this.drop(voice);
    if (!sounding) return; // the next one: it says so itself when its turn comes
    this.say("unplayable", voice.stretch);
    // Its time is skipped as if nothing had been recorded.
    if (this.playing) this.look();
  }

  look() {
    const [before] = this.voices;
    if (before && !before.audio.seeking) this.position = before.stretch.at + before.ms;
    const { stretches } = this.timeline;
    while (stretches[this.begun]?.at <= this.position) {
      const stretch = stretches[this.begun++];
      const ms = this.position - stretch.at;
      this.begin(stretch, ms < OFF ? 0 : ms);
    }
    if (!this.voices.length) {
      const next = stretches[this.begun];
      if (!next) return this.finish();
      return this.seek(next.at);
    }
    const [lead, ...others] = this.voices;
    for (const voice of others) {
      const ms = this.position - voice.stretch.at;
      if (lead.steady && voice.steady && Math.abs(voice.ms - ms) > OFF) voice.seek(ms);
    }
    this.fetchNext(lead);
    this.say("time");
  }

  fetchNext(lead) {
    const next = this.timeline.stretches[this.begun];
    if (!next || this.spare?.stretch === next) return;
    const left = lead.stretch.duration === null ? Infinity : lead.stretch.at + lead.stretch.duration - this.position;
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
