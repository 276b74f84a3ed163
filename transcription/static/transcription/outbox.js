// The outbox: what was spoken goes into this browser's database first and leaves it only when the server has said
// that it is there. One tab at a time sends; each speaker (a participant of a meeting) has one of their own.
//
// Events: "change" (what waits, or why, is another), "sent" (detail: the recording's id).

import { Backoff } from "./backoff.js";
import { find } from "./dom.js";
import { handIn } from "./hand-in.js";
import { OutboxStore } from "./outbox-store.js";
import { dispatch, on } from "./page-events.js";
import { toPcm } from "./wav.js";

const FIRST_PAUSE = 1000; // ms
const LONGEST_PAUSE = 60000; // ms

const lockOf = (take) => `mico-take ${take}`;

export class Outbox extends EventTarget {
  stretches = []; // of this speaker, without sound
  cause = ""; // why nothing goes out just now; see hand-in.js
  full = false; // the browser's storage takes no more
  unstored = new Map(); // id → {stretch, pcm}: finished, and nowhere but in this page
  pauses = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);

  constructor(speaker) {
    super();
    this.speaker = speaker;
    this.store = OutboxStore.open();
    this.store.catch(() => {}); // told when something is to be kept
    this.tabs = new BroadcastChannel(`mico-outbox ${speaker}`);
    this.tabs.addEventListener("message", ({ data }) => this.refresh(data.cause));
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => !document.hidden && this.hurry());
    on("mico:snapshot", () => this.hurry());
  }

  // --- keeping

  // Keeps more of what is being spoken; throws if the browser cannot.
  async add(stretch, number, samples) {
    try {
      await (await this.store).keep({ ...stretch, speaker: this.speaker }, number, toPcm(samples));
      this.tellFull(false);
    } catch (error) {
      this.tellFull(true);
      throw error;
    }
  }

  // It is complete, and goes out. `samples`: all of it, of which `kept` are in the database already, in `pieces`.
  async finish(stretch, samples, pieces, kept) {
    const whole = { ...stretch, samples: samples.length, state: "ready" };
    try {
      await this.add(whole, pieces, samples.subarray(Math.min(kept, samples.length)));
    } catch {
      this.unstored.set(stretch.id, { stretch: { ...whole, speaker: this.speaker }, sound: [toPcm(samples)] });
    }
    await this.changed();
    this.hurry();
  }

  // It was no speech, or it is on the server. Where the browser keeps nothing, there is nothing to remove.
  async drop(id) {
    this.unstored.delete(id);
    const store = await this.store.catch(() => null);
    await store?.remove(id);
    await this.changed();
  }

  // The person lets the server be asked again for what it refused.
  async again(ids) {
    for (const stretch of this.stretches) {
      if (stretch.state === "refused" && ids.includes(stretch.id)) await this.put({ ...stretch, state: "ready" });
    }
    this.hurry();
  }

  async sound(stretch) {
    return this.unstored.get(stretch.id)?.sound ?? (await this.store).sound(stretch);
  }

  // Holds the name of a take while its page lives, so that no other tab takes what is being spoken for left behind.
  // Returns what ends that.
  alive(take) {
    return new Promise((held) => {
      navigator.locks.request(lockOf(take), () => new Promise((release) => held(release)));
    });
  }

  // --- sending

  // Tries now. While one try is under way another is asked for, not a second one begun.
  async hurry() {
    clearTimeout(this.timer);
    if (this.trying) {
      this.asked = true;
      return;
    }
    this.trying = true;
    try {
      do {
        this.asked = false;
        await navigator.locks?.request(`mico-outbox ${this.speaker}`, () => this.sendAll());
      } while (this.asked && !this.cause);
    } catch (error) {
      reportError(error); // the database does not answer
      this.later({ cause: this.cause });
    } finally {
      this.trying = false;
    }
  }

  async sendAll() {
    await this.recover();
    for (;;) {
      await this.refresh();
      const next = this.stretches.find(({ state }) => state === "ready");
      if (!next) return this.say("");
      const outcome = await handIn(next, await this.sound(next));
      if ("cause" in outcome) return this.later(outcome);
      this.pauses.reset();
      if ("refused" in outcome) await this.put({ ...next, state: "refused", refusal: outcome.refused });
      else {
        await this.drop(next.id);
        if (this.cause === "signed-out") dispatch("mico:signed-in");
        this.dispatchEvent(new CustomEvent("sent", { detail: outcome.sent }));
      }
      this.say("");
    }
  }

  later({ cause, after = 0 }) {
    this.timer = setTimeout(() => this.hurry(), Math.max(after, this.pauses.next()));
    this.say(cause);
  }

  // What a page left open that is not there any more: as much of it as was kept.
  async recover() {
    const left = (await this.all()).filter(({ state }) => state === "open");
    for (const stretch of left) {
      await navigator.locks.request(lockOf(stretch.take), { ifAvailable: true }, async (free) => {
        if (free) await this.put({ ...stretch, state: "ready", recovered: true });
      });
    }
  }

  // --- knowing

  async all() {
    const kept = await this.store.then((store) => store.of(this.speaker)).catch(() => []);
    const here = [...this.unstored.values()].map(({ stretch }) => stretch);
    return [...kept.filter(({ id }) => !this.unstored.has(id)), ...here].sort((a, b) => a.began - b.began);
  }

  async put(stretch) {
    const unstored = this.unstored.get(stretch.id);
    if (unstored) unstored.stretch = stretch;
    else await (await this.store).keep(stretch);
    await this.changed();
  }

  async refresh(cause = this.cause) {
    this.stretches = await this.all();
    this.cause = cause;
    this.dispatchEvent(new Event("change"));
  }

  // Here and in the other tabs.
  async changed() {
    await this.refresh();
    this.tabs.postMessage({ cause: this.cause });
  }

  say(cause) {
    if (cause === this.cause) return;
    this.cause = cause;
    this.tabs.postMessage({ cause });
    this.dispatchEvent(new Event("change"));
  }

  tellFull(full) {
    if (full === this.full) return;
    this.full = full;
    this.dispatchEvent(new Event("change"));
  }
}

export const outbox = new Outbox(find(document, "#meeting").dataset.participant);
