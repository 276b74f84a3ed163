// <mico-transcript>: the window of the transcript. Events and snapshots name recordings that have a newer version;
// their lines are fetched, many recordings in one request, and an answer that is older than what is shown is dropped.
// More lines are fetched when the reader gets near an end of the window.
//
// Hears "mico:recording.changed", "mico:snapshot", "mico:uploaded" and "mico:show-line"; dispatches "mico:lines".

import { Backoff } from "./backoff.js";
import { closest, find } from "./dom.js";
import { known, learn, parse } from "./known-recordings.js";
import { keyOf, LineList, lineOf } from "./line-list.js";
import { NewerVersions } from "./newer-versions.js";
import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { ReadingPlace } from "./reading-place.js";
import { fragment, RequestFailed, send, sentenceOf } from "./server.js";
import { fill, showProblem } from "./state.js";

/** @import { Side } from "./line-list.js" */

const TOGETHER = 200; // ms for which changes are collected; words are fetched at once
const AT_ONCE = 50; // recordings in one request
const FIRST_PAUSE = 1000; // ms after a request that failed
const LONGEST_PAUSE = 20000; // ms
const ANNOUNCED = 3; // new lines that a screen reader reads at a time
const ANNOUNCED_FOR = 8000; // ms
const FILE = 10; // with more lines at once, a reader at the end is not scrolled past them: they will read them there
const NEAR = "2000px"; // how far from the viewport an end of the window may be before more lines are fetched

class MicoTranscript extends PageElement {
  newer = new NewerVersions((/** @type {number} */ recording) => known.get(recording)?.version ?? -1);
  pauses = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
  /** After a failed request: when the next one may be made, by `performance.now()`. */
  rested = 0;
  /** When the next request is planned. */
  at = Infinity;
  loading = false;
  /** New lines below the viewport. */
  unread = 0;

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

  // --- Changes

  /** @param {HTMLElement} li a line, which has its recording's version and status */
  learn(li) {
    known.set(Number(li.dataset.recording), { version: Number(li.dataset.version), status: li.dataset.status });
  }

  /** @param {Record<string, number>} versions by recording */
  compare(versions) {
    for (const [recording, version] of Object.entries(versions)) this.want(Number(recording), version);
  }

  /**
   * @param {number} recording
   * @param {number} version
   * @param {number} [wait] ms
   */
  want(recording, version, wait = TOGETHER) {
    if (this.newer.want(recording, version)) this.schedule(wait);
  }

  /**
   * Plans the next request, or moves it forward. If one is under way, the next follows it.
   * @param {number} wait ms
   */
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
      const query = new URLSearchParams([...asked.keys()].map((id) => ["id", String(id)]));
      this.receive(await fragment(`${this.dataset.url}?${query}`), asked);
      this.pauses.reset();
    } catch (error) {
      if (error instanceof RequestFailed && error.status < 500) this.newer.clear(); // signed out, or not in the meeting
      this.rested = performance.now() + this.pauses.next();
    }
    this.loading = false;
    const wait = Math.max(0, Math.min(this.at - performance.now(), TOGETHER));
    this.at = Infinity;
    if (this.newer.size) this.schedule(wait);
  }

  /**
   * Shows an answer.
   * @param {DocumentFragment} answer
   * @param {Map<number, number>} asked the versions that were wanted when it was asked for, by recording
   */
  receive(answer, asked) {
    /** @type {HTMLElement[]} */
    const words = [];
    /** @type {string[]} taken before the lines are put: an element that is there already takes the new one's content */
    const said = [];
    const items = itemsOf(answer);
    // Recordings with too many lines for one answer: they are only named in it.
    const many = parse(items.find((li) => li.dataset.many)?.dataset.many ?? "");
    if (many.length || items.length > FILE) this.place.following = false;
    this.place.keep(() => {
      for (const [recording, lines] of byRecording(items.filter((li) => li.matches(".line")))) {
        const version = Number(lines[0].dataset.version);
        const here = this.newer.here(recording);
        if (version < here) continue;
        this.learn(lines[0]);
        if (version > here) {
          const spoken = lines.filter((li) => li.matches(".words"));
          words.push(...spoken);
          said.push(...spoken.map(sentence));
        }
        this.lines.put(recording, lines);
      }
    });
    const newer = many.filter(([recording, version]) => version > this.newer.here(recording));
    for (const [recording, version, status] of newer) known.set(recording, { version, status });
    // Also those that are still older than wanted, or gone: asking again at once would not help.
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

  /**
   * Has a screen reader read new lines, in a live region.
   * @param {string[]} said
   */
  announce(said) {
    if (!said.length) return;
    this.end.textContent = said.slice(-ANNOUNCED).join("\n");
    clearTimeout(this.silence); // emptied soon, or a screen reader that reads through the page would meet them twice
    this.silence = setTimeout(() => (this.end.textContent = ""), ANNOUNCED_FOR);
  }

  // --- The ends of the window

  watch() {
    this.near.disconnect();
    for (const side of /** @type {const} */ (["before", "after"])) {
      const more = this.lines.more(side);
      if (more) this.near.observe(more);
    }
    this.tellUnread(0);
  }

  /** @param {IntersectionObserverEntry[]} seen */
  approached(seen) {
    for (const { isIntersecting, target } of seen) {
      if (isIntersecting) this.extend(sideOf(/** @type {HTMLElement} */ (target)));
    }
  }

  /** @param {MouseEvent} event */
  pressed(event) {
    const more = closest(event.target, "[data-more]");
    if (!more || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.extend(sideOf(more));
  }

  /**
   * Fetches more lines for an end of the window.
   * @param {Side} side
   */
  async extend(side) {
    const lines = this.lines.lines();
    const edge = side === "before" ? lines[0] : lines.at(-1);
    const more = this.lines.more(side);
    if (!edge || !more || more.hasAttribute("aria-busy")) return;
    more.setAttribute("aria-busy", "true");
    const key = keyOf(edge);
    const answer = await this.window({ [side]: key });
    more.removeAttribute("aria-busy");
    if (!answer || !more.isConnected) return;
    const now = this.lines.lines();
    const unchanged = keyOf(side === "before" ? now[0] : now.at(-1)) === key;
    const items = itemsOf(answer).filter((li) => !li.dataset.more || li.dataset.more === side);
    if (unchanged) this.take(() => this.lines.extend(side, items));
    else this.extend(side); // the first or last line has changed in the meantime
  }

  /**
   * Fetches a window of lines. Without an answer it shows the problem and returns null.
   * @param {Record<string, string>} where the query
   */
  async window(where) {
    try {
      return await fragment(`${this.dataset.window}?${new URLSearchParams(where)}`);
    } catch {
      showProblem(this.problem);
      return null;
    }
  }

  /**
   * Changes the window.
   * @param {() => void} change puts lines that were fetched into the list
   */
  take(change) {
    this.place.keep(change);
    for (const li of this.lines.lines()) {
      // The answer may be older than lines that came in the meantime.
      if (Number(li.dataset.version) >= this.newer.here(Number(li.dataset.recording))) this.learn(li);
      else this.newer.wantAgain(Number(li.dataset.recording));
    }
    if (this.newer.size) this.schedule(TOGETHER);
    this.problem.hidden = true;
    this.watch();
    this.changed();
  }

  /** Fetches the whole window again, because a recording has too many new lines to put them in one by one. */
  async refresh() {
    const anchor = this.place.inView()[0] ?? this.lines.lines()[0];
    const following = this.place.following;
    const { recording, position } = anchor?.dataset ?? {};
    const answer = await this.window({ at: following || !anchor ? "latest" : `${recording}.${position}` });
    if (!answer) return;
    const top = anchor?.getBoundingClientRect().top;
    this.take(() => this.lines.replace(itemsOf(answer)));
    const again = anchor && document.getElementById(anchor.id);
    if (following) this.place.toEnd();
    else if (again) this.place.scrollBy(again.getBoundingClientRect().top - top);
  }

  /**
   * Brings a line into view, and into the window if it is not there.
   * @param {{ recording: number, position: number }} line
   */
  async show({ recording, position }) {
    const asked = {}; // only the last line that was asked for is shown
    this.asked = asked;
    if (!lineOf(recording, position)) {
      const answer = await this.window({ at: `${recording}.${position}` });
      if (!answer || asked !== this.asked) return;
      this.take(() => this.lines.replace(itemsOf(answer)));
    }
    const line = lineOf(recording, position);
    if (line) this.place.show(line);
  }

  async latest() {
    if (this.lines.more("after")) {
      const answer = await this.window({ at: "latest" });
      if (!answer) return;
      this.take(() => this.lines.replace(itemsOf(answer)));
    }
    this.place.toEnd();
    this.tellUnread(0);
  }

  scrolled() {
    if (this.place.scrolled()) this.tellUnread(0);
  }

  /**
   * Shows "Jump to latest", with the number of new lines, while there is something below the viewport.
   * @param {number} more new lines that came below it
   */
  tellUnread(more) {
    if (this.place.endInView()) this.unread = 0;
    else this.unread += more;
    this.jump.hidden = !this.unread && !this.lines.more("after");
    const { one, many } = this.jump.dataset;
    find(this.jump, "[data-unread]").textContent = this.unread
      ? fill(this.unread === 1 ? one : many, { n: this.unread })
      : "";
  }

  // --- Retry and Cancel

  /**
   * Sends them without leaving the page, because a recording may be running.
   * @param {SubmitEvent & { target: HTMLFormElement }} event
   */
  async submit(event) {
    const form = event.target;
    if (!form.dataset.api) return;
    event.preventDefault();
    const button = find(form, "button", HTMLButtonElement);
    if (button.disabled) return;
    button.disabled = true;
    this.problem.hidden = true;
    const recording = Number(closest(form, "[data-recording]").dataset.recording);
    try {
      await send("POST", form.dataset.api);
      this.want(recording, this.newer.here(recording) + 1);
    } catch (error) {
      button.disabled = false;
      showProblem(this.problem, sentenceOf(error));
      form.after(this.problem);
    }
  }
}

/** @param {DocumentFragment} answer */
function itemsOf(answer) {
  return /** @type {HTMLElement[]} */ ([...answer.children]);
}

/** @param {HTMLElement} more */
function sideOf(more) {
  return /** @type {Side} */ (more.dataset.more);
}

/**
 * A line as a screen reader reads it: "Mina: Good morning."
 * @param {HTMLElement} li
 */
function sentence(li) {
  return `${find(li, ".who").lastChild.textContent.trim()}: ${find(li, ".text").textContent}`;
}

/** @param {HTMLElement[]} lines */
function byRecording(lines) {
  /** @type {Map<number, HTMLElement[]>} */
  const groups = new Map();
  for (const li of lines) {
    const recording = Number(li.dataset.recording);
    groups.set(recording, [...(groups.get(recording) ?? []), li]);
  }
  return groups;
}

customElements.define("mico-transcript", MicoTranscript);
