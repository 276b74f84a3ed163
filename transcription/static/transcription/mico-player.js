// <mico-player>: one player for the whole meeting: its buttons, its place in time, its keys. What plays is
// playback.js; what is lit in the transcript, reading-along.js.

import { find } from "./dom.js";
import { ticking } from "./durations.js";
import { NewerVersions } from "./newer-versions.js";
import { PageElement } from "./page-element.js";
import { Playback } from "./playback.js";
import { ReadingAlong } from "./reading-along.js";
import { json } from "./server.js";
import { fill, setState } from "./state.js";
import { length, Timeline } from "./timeline.js";

const TOGETHER = 250; // ms that news of recordings are collected
const AT_ONCE = 100; // recordings asked for in one request
const RATE = "mico-rate"; // where this browser keeps the speed
const STEP = 5000; // ms that an arrow key moves; with Shift the double, as the buttons do
// Where a key means something already, or is text.
const TYPED_INTO = "input:not([type=range]), select, textarea, [contenteditable], dialog, [role=menu]";
const PRESSED_BY_SPACE = `${TYPED_INTO}, button, summary, [role=button]`;

class MicoPlayer extends PageElement {
  newer = new NewerVersions((recording) => this.timeline.version(recording));

  connect() {
    this.slider = this.find("[data-position]", HTMLInputElement);
    this.map = this.find("canvas", HTMLCanvasElement);
    this.problem = this.find("[data-problem]");
    this.who = this.find("[data-playing]");
    this.timeline = new Timeline();
    this.playback = new Playback(this.timeline, (stretch) => this.urlOf(stretch));
    this.reading = new ReadingAlong(
      find(document, "#transcript"),
      (recording, first) => `${this.dataset.recordings}${recording}/words/${first}/`,
      {
        onPress: (recording, ms) => this.playFrom(recording, ms),
        onFollow: () => this.show(),
      },
      this.signal,
    );
    this.rates();
    this.listen(this.playback, "time", () => this.show());
    this.listen(this.playback, "state", () => this.show());
    this.listen(this.playback, "unplayable", ({ detail }) => this.unplayable(detail));
    this.listen(this, "click", ({ target }) => this.act(target.closest("[data-do]")?.dataset));
    this.listen(this.slider, "input", () => this.jump(Number(this.slider.value) * 1000));
    this.listen(document, "keydown", (event) => this.key(event));
    this.on("mico:lines", () => this.show());
    this.on("mico:recording.changed", ({ recording, version }) => this.want(recording, version));
    this.on("mico:uploaded", (recording) => this.want(recording, 0));
    this.on("mico:snapshot", ({ recordings }) => this.compare(recordings));
    this.on("mico:play", ({ recording, ms }) => this.playFrom(recording, ms));
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.map);
    this.listen(window.matchMedia("(prefers-color-scheme: dark)"), "change", () => this.draw());
    this.first = this.load([]);
  }

  disconnect() {
    this.resized.disconnect();
    clearTimeout(this.timer);
    this.playback.close();
    this.reading.none();
  }

  urlOf({ recording, prepared }) {
    // The prepared file is another one: no browser may take the parts that it has of the first for it.
    return `${this.dataset.recordings}${recording}/audio${prepared ? "?prepared" : ""}`;
  }

  // --- the timeline, from the server

  async compare(versions) {
    await this.first;
    const older = Object.entries(versions).filter(([id, version]) => version > this.timeline.version(Number(id)));
    if (older.length > AT_ONCE) this.load([]);
    else for (const [id, version] of older) this.want(Number(id), version);
  }

  want(recording, version) {
    if (this.newer.want(recording, version)) this.soon();
  }

  soon() {
    this.timer ??= setTimeout(() => this.loadNewer(), TOGETHER);
  }

  async loadNewer() {
    const asked = this.newer.next(AT_ONCE);
    await this.load([...asked.keys()]);
    this.newer.answered(asked);
    this.timer = null;
    if (this.newer.size) this.soon();
  }

  // The rows of some recordings; of all, if none is named.
  async load(ids) {
    const query = ids.length ? `?${new URLSearchParams(ids.map((id) => ["id", id]))}` : "";
    try {
      this.timeline.put((await json(this.dataset.timeline + query)).recordings);
      for (const id of ids) this.reading.changed(id);
    } catch {
      // The next snapshot names what is missing.
    }
    this.playback.renew();
    this.draw();
  }

  // --- what people do

  act(pressed) {
    if (pressed?.do === "toggle") this.toggle();
    else if (pressed?.do === "skip") this.jump(this.playback.position + Number(pressed.ms));
    else if (pressed?.do === "follow") this.reading.follow(true);
  }

  toggle() {
    if (this.playback.playing) return this.playback.pause();
    this.problem.hidden = true;
    this.playback.play();
    this.reading.follow(true);
  }

  jump(ms) {
    this.problem.hidden = true;
    this.playback.seek(ms);
    this.reading.follow(true);
    this.show();
  }

  async playFrom(recording, ms) {
    if (!this.timeline.byRecording.has(recording)) await this.load([recording]);
    const stretch = this.timeline.byRecording.get(recording);
    if (!stretch) return;
    this.problem.hidden = true;
    this.playback.seek(stretch.at + ms);
    if (!this.playback.playing) this.playback.play();
    this.reading.follow(true);
  }

  rates() {
    const select = this.find("select", HTMLSelectElement);
    const kept = localStorage.getItem(RATE);
    if ([...select.options].some(({ value }) => value === kept)) select.value = kept;
    const set = () => this.playback.setRate(Number(select.value));
    this.listen(select, "change", () => {
      localStorage.setItem(RATE, select.value);
      set();
    });
    set();
  }

  // Space, and the arrows to the left and right: anywhere on the page but where they have a meaning already.
  key(event) {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (this.hidden) return;
    if (key === " " && !event.shiftKey && !target.closest(PRESSED_BY_SPACE)) {
      event.preventDefault();
      if (!event.repeat) this.toggle();
    } else if (["ArrowLeft", "ArrowRight"].includes(key) && !target.closest(TYPED_INTO)) {
      event.preventDefault();
      const step = (key === "ArrowLeft" ? -STEP : STEP) * (event.shiftKey ? 2 : 1);
      this.jump(this.playback.position + step);
    }
  }

  // --- what is seen

  show() {
    const { position, playing, voices } = this.playback;
    const { end } = this.timeline;
    this.hidden = !this.timeline.stretches.length;
    setState(this, playing ? "playing" : "paused");
    this.find("[data-do=follow]").hidden = !playing || this.reading.following;
    const total = ticking(end);
    const now = ticking(position);
    this.querySelector("[data-at-time]").textContent = now;
    this.querySelector("[data-total]").textContent = total;
    this.slider.max = String(Math.ceil(end / 1000));
    this.slider.value = String(Math.floor(position / 1000));
    this.slider.setAttribute("aria-valuetext", fill(this.slider.dataset.text, { time: now, total }));
    const line = voices.length ? this.reading.show(this.playback.heard()) : null;
    if (!voices.length) this.reading.none();
    this.who.textContent = line?.querySelector(".who")?.lastChild?.textContent.trim() ?? "";
  }

  unplayable(stretch) {
    const name = stretch.name || ticking(stretch.at);
    this.problem.textContent = fill(this.problem.dataset.text, { name });
    this.problem.hidden = false;
  }

  // Where there is sound: behind the slider. Nothing that is only here: the slider says it in words.
  draw() {
    this.show();
    const { clientWidth: width, clientHeight: height } = this.map;
    const { end } = this.timeline;
    if (!width || !end) return;
    const scale = window.devicePixelRatio || 1;
    this.map.width = width * scale;
    this.map.height = height * scale;
    const pen = this.map.getContext("2d");
    const style = getComputedStyle(this.map);
    const bar = (at, duration, part) => {
      const tall = height * part;
      pen.fillRect(
        (at / end) * width * scale,
        ((height - tall) / 2) * scale,
        Math.max(1, (duration / end) * width) * scale,
        tall * scale,
      );
    };
    pen.fillStyle = style.getPropertyValue("--rule");
    for (const stretch of this.timeline.stretches) bar(stretch.at, length(stretch), 0.35);
    pen.fillStyle = style.getPropertyValue("--edge");
    for (const { at, lines } of this.timeline.stretches) {
      for (const [, start, duration] of lines) bar(at + start, duration, 1);
    }
  }
}

customElements.define("mico-player", MicoPlayer);
