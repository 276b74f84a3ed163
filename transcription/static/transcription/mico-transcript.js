// <mico-transcript>: keeps the lines up to date. An event or a snapshot says which recordings have a newer version;
// their lines come from the server, in one request for many, and older answers than what is shown are dropped.

import { LineList, follow, inView, steady } from "./line-list.js";
import { fragment, post, RequestFailed } from "./server.js";

const TOGETHER = 40; // ms that changes are collected
const AT_ONCE = 50; // recordings in one request
const FIRST_PAUSE = 1000; // ms after a request that failed
const LONGEST_PAUSE = 20000;
const ANNOUNCED = 3; // new lines read aloud at a time
const ANNOUNCED_FOR = 8000; // ms

class MicoTranscript extends HTMLElement {
  wanted = new Map(); // recording → the least version to be shown
  pause = FIRST_PAUSE;

  connectedCallback() {
    this.list = this.querySelector("ol");
    this.lines = new LineList(this.list);
    this.end = this.querySelector("[data-announce]");
    this.jump = this.querySelector("[data-jump]");
    this.problem = this.querySelector("[data-problem]");
    this.listening = new AbortController();
    const signal = this.listening.signal;
    const on = (type, act) => document.addEventListener(type, act, { signal });
    on("mico:recording.changed", ({ detail }) => this.want(detail.recording, detail.version));
    on("mico:snapshot", ({ detail }) => this.compare(detail.recordings));
    on("mico:uploaded", ({ detail }) => this.want(detail, 0));
    this.addEventListener("submit", (event) => this.submit(event), { signal });
    this.jump.addEventListener("click", () => this.latest(), { signal });
    window.addEventListener("scroll", () => this.scrolled(), { signal, passive: true });
  }

  disconnectedCallback() {
    this.listening.abort();
    clearTimeout(this.timer);
  }

  compare(versions) {
    for (const [recording, version] of Object.entries(versions)) this.want(Number(recording), version);
  }

  want(recording, version) {
    if (version <= this.lines.version(recording)) return;
    this.wanted.set(recording, Math.max(version, this.wanted.get(recording) ?? 0));
    this.schedule(TOGETHER);
  }

  schedule(wait) {
    if (this.timer || this.loading) return;
    this.timer = setTimeout(() => this.load(), wait);
  }

  async load() {
    this.timer = null;
    this.loading = true;
    const ids = [...this.wanted.keys()].slice(0, AT_ONCE);
    let wait = TOGETHER;
    try {
      const query = new URLSearchParams(ids.map((id) => ["id", id]));
      this.receive(await fragment(`${this.dataset.url}?${query}`), ids);
      this.pause = FIRST_PAUSE;
    } catch (error) {
      if (error instanceof RequestFailed && error.status < 500) this.wanted.clear(); // signed out, or not ours
      wait = this.pause;
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    }
    this.loading = false;
    if (this.wanted.size) this.schedule(wait);
  }

  receive(html, ids) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const byRecording = group(template.content.children);
    const words = [];
    const endInView = steady(this.list, this.end, () => {
      for (const [recording, lines] of byRecording) {
        const had = this.lines.version(recording);
        if (!this.lines.put(recording, lines)) continue;
        if (this.lines.version(recording) > had) words.push(...lines.filter((li) => li.matches(".words")));
      }
      this.querySelector("[data-empty]").hidden = this.list.children.length > 0;
    });
    // Answered, whatever came: what is still older than wanted (or gone) is asked for again after the next word.
    for (const id of ids) this.wanted.delete(id);
    if (words.length && !endInView) this.jump.hidden = false;
    this.announce(words);
    document.dispatchEvent(new CustomEvent("mico:lines"));
  }

  announce(words) {
    if (!words.length) return;
    this.end.textContent = words
      .slice(-ANNOUNCED)
      .map((li) => `${li.querySelector(".who").lastChild.textContent}: ${li.querySelector(".text").textContent}`)
      .join("\n");
    clearTimeout(this.silence); // said once; it must not stand there a second time for who reads with a screen reader
    this.silence = setTimeout(() => (this.end.textContent = ""), ANNOUNCED_FOR);
  }

  latest() {
    this.jump.hidden = true;
    follow(this.end);
  }

  scrolled() {
    if (!this.jump.hidden && inView(this.end)) this.jump.hidden = true;
  }

  // Retry and Cancel go through the API and leave the page where it is: a recording may be running.
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
      await post(form.dataset.api);
      this.want(recording, this.lines.version(recording) + 1);
    } catch (error) {
      button.disabled = false;
      this.problem.textContent = error.sentence || this.problem.dataset.text;
      this.problem.hidden = false;
      form.after(this.problem);
    }
  }
}

function group(lines) {
  const groups = new Map();
  for (const li of lines) {
    const recording = Number(li.dataset.recording);
    groups.set(recording, [...(groups.get(recording) ?? []), li]);
  }
  return groups;
}

customElements.define("mico-transcript", MicoTranscript);
