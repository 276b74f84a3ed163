// The outbox: every stretch is stored in this browser's database while it is spoken, and deleted only when the server
// has confirmed it. Each speaker (a participant of a meeting) has their own outbox. If several tabs have the same one
// open, all show it, and one of them sends.
//
// `outbox` dispatches "change" (what waits, or why) and "sent" (detail: the recording's id). Hears "mico:snapshot",
// dispatches "mico:signed-in".

import { Backoff } from "./backoff.js";
import { find } from "./dom.js";
import { handIn } from "./hand-in.js";
import { OutboxStore } from "./outbox-store.js";
import { dispatch, on } from "./page-events.js";
import { toPcm } from "./wav.js";

/** @import { Pcm, Stretch } from "./outbox-store.js" */

const FIRST_PAUSE = 1000; // ms
const LONGEST_PAUSE = 60000; // ms

/** @param {string} take */
const lockOf = (take) => `mico-take ${take}`;

class Outbox extends EventTarget {
  /** @type {Stretch[]} of this speaker, without their sound, in the order of speaking */
  stretches = [];
  /** Why nothing is sent at the moment, as in hand-in.js; "" if nothing is wrong. */
  cause = "";
  /** Whether the browser's database takes no more. */
  full = false;
  /** @type {Map<string, { stretch: Stretch, sound: Pcm[] }>} finished stretches that only this page has, by id */
  unstored = new Map();
  pauses = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
  trying = false;
  /** Whether a try was asked for while another one was under way. */
  asked = false;

  /** @param {string} speaker the participant's id */
  constructor(speaker) {
    super();
    this.speaker = speaker;
    this.store = OutboxStore.open();
    this.store.catch(() => {}); // `add` reports it, when there is something to store
    this.tabs = new BroadcastChannel(`mico-outbox ${speaker}`);
    this.tabs.addEventListener("message", ({ data }) => this.refresh(data.cause));
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => !document.hidden && this.hurry());
    on("mico:snapshot", () => this.hurry());
  }

  // --- storing

  /**
   * Stores the next samples of a stretch. Rejects if the browser cannot.
   * @param {Stretch} stretch
   * @param {number} number of this piece
   * @param {Float32Array} samples
   */
  async add(stretch, number, samples) {
    try {
      await (await this.store).keep({ ...stretch, speaker: this.speaker }, number, toPcm(samples));
      this.tellFull(false);
    } catch (error) {
      this.tellFull(true);
      throw error;
    }
  }

  /**
   * Stores a complete stretch and sends it. What cannot be stored is sent from the page's memory.
   * @param {Stretch} stretch
   * @param {Float32Array} samples all of them
   * @param {number} pieces how many pieces are stored already
   * @param {number} kept how many samples these have
   */
  async finish(stretch, samples, pieces, kept) {
    /** @type {Stretch} */
    const whole = { ...stretch, samples: samples.length, state: "ready" };
    try {
      await this.add(whole, pieces, samples.subarray(Math.min(kept, samples.length)));
    } catch {
      this.unstored.set(stretch.id, { stretch: { ...whole, speaker: this.speaker }, sound: [toPcm(samples)] });
    }
    await this.changed();
    this.hurry();
  }

  /**
   * Deletes a stretch: the server has it, it was no speech, or the person wants it gone.
   * @param {string} id
   */
  async drop(id) {
    this.unstored.delete(id);
    const store = await this.store.catch(() => /** @type {OutboxStore | null} */ (null));
    await store?.remove(id);
    await this.changed();
  }

  /**
   * Sends again what the server has refused.
   * @param {string[]} ids
   */
  async again(ids) {
    for (const stretch of this.stretches) {
      if (stretch.state === "refused" && ids.includes(stretch.id)) await this.put({ ...stretch, state: "ready" });
    }
    this.hurry();
  }

  /**
   * The samples of a stretch, in parts.
   * @param {Stretch} stretch
   */
  async sound(stretch) {
    return this.unstored.get(stretch.id)?.sound ?? (await this.store).sound(stretch);
  }

  /**
   * Holds a lock for a take, by which other tabs know that its page still lives. Resolves to a function that ends this.
   * @param {string} take
   * @returns {Promise<(value?: undefined) => void>}
   */
  alive(take) {
    return new Promise((held) => {
      navigator.locks.request(lockOf(take), () => new Promise((release) => held(release)));
    });
  }

  // --- sending

  /** Tries to send everything now. During a try it only asks for another one. */
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
      reportError(error); // the database failed
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

  /**
   * Plans the next try: after a pause, or after what the server asked for if that is longer.
   * @param {{ cause: string, after?: number }} outcome
   */
  later({ cause, after = 0 }) {
    this.timer = setTimeout(() => this.hurry(), Math.max(after, this.pauses.next()));
    this.say(cause);
  }

  /** Makes stretches ready whose page was closed before they were complete, with the sound that was stored. */
  async recover() {
    const left = (await this.all()).filter(({ state }) => state === "open");
    for (const stretch of left) {
      await navigator.locks.request(lockOf(stretch.take), { ifAvailable: true }, async (free) => {
        if (free) await this.put({ ...stretch, state: "ready", recovered: true });
      });
    }
  }

  // --- showing

  async all() {
    const kept = await this.store.then((store) => store.of(this.speaker)).catch(() => /** @type {Stretch[]} */ ([]));
    const here = [...this.unstored.values()].map(({ stretch }) => stretch);
    return [...kept.filter(({ id }) => !this.unstored.has(id)), ...here].sort((a, b) => a.began - b.began);
  }

  /** @param {Stretch} stretch */
  async put(stretch) {
    const unstored = this.unstored.get(stretch.id);
    if (unstored) unstored.stretch = stretch;
    else await (await this.store).keep(stretch);
    await this.changed();
  }

  /** @param {string} [cause] what another tab has said */
  async refresh(cause = this.cause) {
    this.stretches = await this.all();
    this.cause = cause;
    this.dispatchEvent(new Event("change"));
  }

  /** The stretches have changed: reads them again, in the other tabs, too. */
  async changed() {
    await this.refresh();
    this.tabs.postMessage({ cause: this.cause });
  }

  /** @param {string} cause */
  say(cause) {
    if (cause === this.cause) return;
    this.cause = cause;
    this.tabs.postMessage({ cause });
    this.dispatchEvent(new Event("change"));
  }

  /** @param {boolean} full */
  tellFull(full) {
    if (full === this.full) return;
    this.full = full;
    this.dispatchEvent(new Event("change"));
  }
}

export const outbox = new Outbox(find(document, "#meeting").dataset.participant);
