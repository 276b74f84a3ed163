// <mico-transcript>: a window of the transcript, kept up to date. An event or a snapshot says which recordings have a
// newer version; their lines come from the server, in one request for many, and older answers than what is shown
// are dropped. Lines before and after the window come as the reader gets near them.

import { Backoff } from "./backoff.js";
import { known, learn, parse } from "./known-recordings.js";
import { keyOf, LineList, nameOf } from "./line-list.js";
import { NewerVersions } from "./newer-versions.js";
import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { ReadingPlace } from "./reading-place.js";
import { fragment, RequestFailed, send, sentenceOf } from "./server.js";
import { fill } from "./state.js";

const TOGETHER = 200; // ms that changes are collected: a recording's first steps come close together. Words wait for none
const AT_ONCE = 50; // recordings in one request
const FIRST_PAUSE = 1000; // ms after a request that failed
const LONGEST_PAUSE = 20000; // ms
const ANNOUNCED = 3; // new lines read aloud at a time
const ANNOUNCED_FOR = 8000; // ms
const FILE = 10; // lines that come at once: who was at the end begins to read there, and is not taken to its end
const NEAR = "2000px"; // how far ahead of the reader lines are fetched

class MicoTranscript extends PageElement {
  newer = new NewerVersions((recording) => known.get(recording)?.version ?? -1);
  pauses = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
  rested = 0; // not before, after a request that failed; as performance.now()
  at = Infinity; // the next request
  unread = 0; // new lines below what is in view

  connect() {
    this.list = this.find("ol");
    this.lines = new LineList(this.list);
    this.end = this.find("[data-announce]");
    this.jump = this.find("[data-jump]");
    this.problem = this.find("[data-problem]");
    this.place = new ReadingPlace(this.list, this.end, () => !this.lines.more("after"));
    learn(this.dataset.beyond);
    for (const li of this.lines.lines()) this.learn(li);
    this.on("mico:recording.changed", ({ recording, version, status }) =>
      this.want(recording, version, status === "done" ? 0 : TOGETHER),
    );
    this.on("mico:snapshot", ({ recordings }) => this.compare(recordings));
    this.on("mico:uploaded", (recording) => this.want(recording, 0, 0));
    this.on("mico:show-line", (line) => this.show(line));
    this.listen(this, "submit", (event) => this.submit(event));
    this.listen(this.list, "click", (event) => this.pressed(event));
    this.listen(this.jump, "click", () => this.latest());
    this.listen(window, "scroll", () => this.scrolled(), { passive: true });
    this.near = new IntersectionObserver((seen) => this.approached(seen), { rootMargin: `${NEAR} 0px` });
    if (this.hasAttribute("data-latest")) this.place.toEnd();
    this.watch();
    dispatch("mico:lines");
  }

  disconnect() {
    this.near.disconnect();
    clearTimeout(this.timer);
  }

  // --- What is newer than what is here

  learn(li) {
    known.set(Number(li.dataset.recording), { version: Number(li.dataset.version), status: li.dataset.status });
  }

  compare(versions) {
    for (const [recording, version] of Object.entries(versions)) this.want(Number(recording), version);
  }

  want(recording, version, wait = TOGETHER) {
    if (this.newer.want(recording, version)) this.schedule(wait);
  }

  // When the first who asked wants it. What is on its way ends first.
  schedule(wait) {
    const at = Math.max(performance.now() + wait, this.rested);
    if (at >= this.at) return;
    this.at = at;
    if (this.loading) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), at - performance.now());
  }

  async load() {
    this.at = Infinity;
    this.loading = true;
    const asked = this.newer.next(AT_ONCE);
    try {
      const query = new URLSearchParams([...asked.keys()].map((id) => ["id", id]));
      this.receive(await fragment(`${this.dataset.url}?${query}`), asked);
      this.pauses.reset();
    } catch (error) {
      if (error instanceof RequestFailed && error.status < 500) this.newer.clear(); // signed out, or not ours
      this.rested = performance.now() + this.pauses.next();
    }
    this.loading = false;
    const wait = Math.max(0, Math.min(this.at - performance.now(), TOGETHER));
    this.at = Infinity;
    if (this.newer.size) this.schedule(wait);
  }

  // `asked`: recording → the version that was wanted when this was asked for.
  receive(html, asked) {
    const words = [];
    const said = []; // as text: an element that takes the place of another gives its content away
    const items = elements(html);
    const many = parse(items.find((li) => li.dataset.many)?.dataset.many ?? "");
    if (many.length || items.length > FILE) this.place.following = false;
    this.place.keep(() => {
      for (const [recording, lines] of group(items.filter((li) => li.matches(".line")))) {
        if (Number(lines[0].dataset.version) < this.newer.here(recording)) continue;
        const newer = Number(lines[0].dataset.version) > this.newer.here(recording);
        this.learn(lines[0]);
        if (newer) words.push(...lines.filter((li) => li.matches(".words")));
        if (newer) said.push(...words.slice(said.length).map(sentence));
        this.lines.put(recording, lines);
      }
    });
    const newer = many.filter(([recording, version]) => version > this.newer.here(recording));
    for (const [recording, version, status] of newer) known.set(recording, { version, status });
    // Answered, whatever came: what is still older than wanted (or gone) is asked for again after the next word. One that
    // has become newer while the answer was on its way is asked for again at once.
    this.newer.answered(asked);
    this.tellUnread(words.filter((li) => this.lines.isBelow(li, window.innerHeight)).length);
    this.announce(said);
    this.changed();
    if (newer.length) this.refresh();
  }

  changed() {
    this.find("[data-empty]").hidden = this.list.children.length > 0;
    dispatch("mico:lines");
  }

  announce(said) {
    if (!said.length) return;
    this.end.textContent = said.slice(-ANNOUNCED).join("\n");
    clearTimeout(this.silence); // said once; it must not stand there a second time for who reads with a screen reader
    this.silence = setTimeout(() => (this.end.textContent = ""), ANNOUNCED_FOR);
  }

  // --- What is before and after the window

  watch() {
    this.near.disconnect();
    for (const side of ["before", "after"]) {
      const more = this.lines.more(side);
      if (more) this.near.observe(more);
    }
    this.tellUnread(0);
  }

  approached(seen) {
    for (const { isIntersecting, target } of seen) if (isIntersecting) this.extend(target.dataset.more);
  }

  pressed(event) {
    const more = event.target.closest("[data-more]");
    if (!more || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.extend(more.dataset.more);
  }

  async extend(side) {
    const lines = this.lines.lines();
    const edge = side === "before" ? lines[0] : lines.at(-1);
    const more = this.lines.more(side);
    if (!edge || !more || more.hasAttribute("aria-busy")) return;
    more.setAttribute("aria-busy", "true");
    const key = keyOf(edge);
    const html = await this.window({ [side]: key });
    more.removeAttribute("aria-busy");
    if (html === null || !more.isConnected) return;
    const now = this.lines.lines();
    const unchanged = keyOf(side === "before" ? now[0] : now.at(-1)) === key;
    const items = elements(html).filter((li) => [undefined, side].includes(li.dataset.more));
    if (unchanged) this.take(() => this.lines.extend(side, items));
    else this.extend(side); // the line at the edge is another by now
  }

  // A window of lines as HTML; null if it cannot be had now: then what is here stays.
  async window(where) {
    try {
      return await fragment(`${this.dataset.window}?${new URLSearchParams(where)}`);
    } catch {
      this.problem.textContent = this.problem.dataset.text;
      this.problem.hidden = false;
      return null;
    }
  }

  take(change) {
    this.place.keep(change);
    for (const li of this.lines.lines()) {
      // An answer may be older than what an event has brought meanwhile.
      if (Number(li.dataset.version) >= this.newer.here(Number(li.dataset.recording))) this.learn(li);
      else this.newer.wantAgain(Number(li.dataset.recording));
    }
    if (this.newer.size) this.schedule(TOGETHER);
    this.problem.hidden = true;
    this.watch();
    this.changed();
  }

  // The window around what is in view, again: more has come between its lines than can be put there one by one.
  async refresh() {
    const anchor = this.place.inView()[0] ?? this.lines.lines()[0];
    const following = this.place.following;
    const html = await this.window({ at: following || !anchor ? "latest" : nameOf(anchor) });
    if (html === null) return;
    const top = anchor?.getBoundingClientRect().top;
    this.take(() => this.lines.replace(elements(html)));
    const again = anchor && document.getElementById(anchor.id);
    if (following) this.place.toEnd();
    else if (again) this.place.scrollBy(again.getBoundingClientRect().top - top);
  }

  // Brings a line into view, wherever in the meeting it is. Resolves to its element; null: it is not to be had.
  async show({ recording, position }) {
    const find = () => document.getElementById(`line-${recording}-${position}`);
    const asked = {}; // of two that are asked for, the later is shown
    this.asked = asked;
    if (!find()) {
      const html = await this.window({ at: `${recording}.${position}` });
      if (html === null || asked !== this.asked) return null;
      this.take(() => this.lines.replace(elements(html)));
    }
    const line = find();
    if (line) this.place.show(line);
    return line;
  }

  async latest() {
    if (this.lines.more("after")) {
      const html = await this.window({ at: "latest" });
      if (html === null) return;
      this.take(() => this.lines.replace(elements(html)));
    }
    this.place.toEnd();
    this.tellUnread(0);
  }

  scrolled() {
    if (this.place.scrolled()) this.tellUnread(0);
  }

  // `more`: lines that came and are not in view. The way down is offered while there are some, or others after these.
  tellUnread(more) {
    if (this.place.endInView()) this.unread = 0;
    else this.unread += more;
    this.jump.hidden = !this.unread && !this.lines.more("after");
    const { one, many } = this.jump.dataset;
    this.jump.querySelector("[data-unread]").textContent = this.unread
      ? fill(this.unread === 1 ? one : many, { n: this.unread })
      : "";
  }

  // --- Retry and Cancel go through the API and leave the page where it is: a recording may be running.

  async submit(event) {
    const form = event.target;
    if (!form.dataset.api) return;
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    this.problem.hidden = true;
    const recording = Number(form.closest("[data-recording]").dataset.recording);
    try {
      await send("POST", form.dataset.api);
      this.want(recording, this.newer.here(recording) + 1);
    } catch (error) {
      button.disabled = false;
      this.problem.textContent = sentenceOf(error) || this.problem.dataset.text;
      this.problem.hidden = false;
      form.after(this.problem);
    }
  }
}

function elements(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return /** @type {HTMLElement[]} */ ([...template.content.children]);
}

const sentence = (li) =>
  `${li.querySelector(".who").lastChild.textContent.trim()}: ${li.querySelector(".text").textContent}`;

function group(lines) {
  const groups = new Map();
  for (const li of lines) {
    const recording = Number(li.dataset.recording);
    if (!groups.has(recording)) groups.set(recording, []);
    groups.get(recording).push(li);
  }
  return groups;
}

customElements.define("mico-transcript", MicoTranscript);
