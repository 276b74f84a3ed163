// <mico-player>: one player for the whole meeting: its buttons, slider and keys. playback.js plays, and
// reading-along.js shows in the transcript what sounds.
//
// Hears "mico:lines", "mico:recording.changed", "mico:uploaded", "mico:snapshot" and "mico:play".

import { closest, find } from "./dom.js";
import { ticking } from "./durations.js";
import { NewerVersions } from "./newer-versions.js";
import { PageElement } from "./page-element.js";
import { Playback } from "./playback.js";
import { ReadingAlong } from "./reading-along.js";
import { json } from "./server.js";
import { fill, setState, showProblem } from "./state.js";
import { length, Timeline } from "./timeline.js";

/** @import { Row } from "./timeline.js" */

const TOGETHER = 250; // ms for which changes are collected before they are fetched
const AT_ONCE = 100; // recordings in one request
const RATE = "mico-rate"; // where this browser remembers the speed
const STEP = 5000; // ms by which an arrow key moves; with Shift twice that, as the buttons do
// Elements in which these keys have a meaning of their own.
const TYPED_INTO = "input:not([type=range]), select, textarea, [contenteditable], dialog, [role=menu]";
const PRESSED_BY_SPACE = `${TYPED_INTO}, button, summary, [role=button]`;

class MicoPlayer extends PageElement {
  newer = new NewerVersions((/** @type {number} */ recording) => this.timeline.version(recording));

  connect() {
    this.slider = this.find("[data-position]", HTMLInputElement);
    this.map = this.find("canvas", HTMLCanvasElement);
    this.problem = this.find("[data-problem]");
    this.who = this.find("[data-playing]");
    this.timeline = new Timeline();
    this.playback = new Playback(this.timeline, (row) => this.urlOf(row));
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
    this.listen(this, "click", ({ target }) => this.act(closest(target, "[data-do]")?.dataset));
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

  /** @param {Row} row */
  urlOf({ recording, prepared }) {
    // The prepared file has an address of its own, so that no browser mixes it with cached parts of the first file.
    return `${this.dataset.recordings}${recording}/audio${prepared ? "?prepared" : ""}`;
  }

  // --- the timeline, from the server

  /** @param {Record<string, number>} versions by recording */
  async compare(versions) {
    await this.first;
    const older = Object.entries(versions).filter(([id, version]) => version > this.timeline.version(Number(id)));
    if (older.length > AT_ONCE) this.load([]);
    else for (const [id, version] of older) this.want(Number(id), version);
  }

  /**
   * @param {number} recording
   * @param {number} version
   */
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

  /**
   * Fetches the rows of these recordings; of all, if the list is empty.
   * @param {number[]} ids
   */
  async load(ids) {
    const query = ids.length ? `?${new URLSearchParams(ids.map((id) => ["id", String(id)]))}` : "";
    try {
      this.timeline.put((await json(this.dataset.timeline + query)).recordings);
      for (const id of ids) this.reading.changed(id);
    } catch {
      // the next snapshot asks again for what is missing
    }
    this.playback.renew();
    this.draw();
  }

  // --- what people do

  /** @param {DOMStringMap | undefined} pressed the attributes of the button */
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

  /** @param {number} ms since the meeting began */
  jump(ms) {
    this.problem.hidden = true;
    this.playback.seek(ms);
    this.reading.follow(true);
    this.show();
  }

  /**
   * @param {number} recording
   * @param {number} ms in the recording
   */
  async playFrom(recording, ms) {
    if (!this.timeline.byRecording.has(recording)) await this.load([recording]);
    const row = this.timeline.byRecording.get(recording);
    if (!row) return;
    this.problem.hidden = true;
    this.playback.seek(row.at + ms);
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

  /**
   * Space plays and pauses, the left and right arrows skip, wherever the focus is, unless the key has a meaning there.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (this.hidden) return;
    if (key === " " && !event.shiftKey && !closest(target, PRESSED_BY_SPACE)) {
      event.preventDefault();
      if (!event.repeat) this.toggle();
    } else if (["ArrowLeft", "ArrowRight"].includes(key) && !closest(target, TYPED_INTO)) {
      event.preventDefault();
      const step = (key === "ArrowLeft" ? -STEP : STEP) * (event.shiftKey ? 2 : 1);
      this.jump(this.playback.position + step);
    }
  }

  // --- what people see

  show() {
    const { position, playing, voices } = this.playback;
    const { end } = this.timeline;
    this.hidden = !this.timeline.rows.length;
    setState(this, playing ? "playing" : "paused");
    this.find("[data-do=follow]").hidden = !playing || this.reading.following;
    const total = ticking(end);
    const now = ticking(position);
    this.find("[data-at-time]").textContent = now;
    this.find("[data-total]").textContent = total;
    this.slider.max = String(Math.ceil(end / 1000));
    this.slider.value = String(Math.floor(position / 1000));
    this.slider.setAttribute("aria-valuetext", fill(this.slider.dataset.text, { time: now, total }));
    const line = voices.length ? this.reading.show(this.playback.heard()) : null;
    if (!voices.length) this.reading.none();
    this.who.textContent = line?.querySelector(".who")?.lastChild?.textContent.trim() ?? "";
  }

  /** @param {Row} row of a recording that the browser cannot play */
  unplayable(row) {
    showProblem(this.problem, fill(this.problem.dataset.text, { name: row.name || ticking(row.at) }));
  }

  /**
   * Draws behind the slider where there are recordings, and in them the lines. Screen readers have the slider's text.
   */
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
    /** @type {(at: number, duration: number, part: number) => void} `part`: of the height, 0 to 1 */
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
    for (const row of this.timeline.rows) bar(row.at, length(row), 0.35);
    pen.fillStyle = style.getPropertyValue("--edge");
    for (const { at, lines } of this.timeline.rows) {
      for (const [, start, duration] of lines) bar(at + start, duration, 1);
    }
  }
}

customElements.define("mico-player", MicoPlayer);
