// <mico-outbox>: what the outbox of this page still holds and why, with buttons to send, save or delete it.
//
// Dispatches "mico:uploaded".

import { findAll } from "./dom.js";
import { spoken } from "./durations.js";
import { fileName, RATE } from "./hand-in.js";
import { outbox } from "./outbox.js";
import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { fill } from "./state.js";
import { wav } from "./wav.js";
import { zip } from "./zip.js";

/** @import { Stretch } from "./outbox-store.js" */

const KEEP_LINK = 60000; // ms that the browser has to read a file that it saves

/** @param {Stretch[]} stretches */
const seconds = (stretches) => stretches.reduce((sum, { samples }) => sum + samples, 0) / RATE;

class MicoOutbox extends PageElement {
  recovered = false; // whether there was something that an earlier page had left incomplete

  connect() {
    this.listen(outbox, "change", () => this.show());
    this.listen(outbox, "sent", ({ detail }) => dispatch("mico:uploaded", detail));
    this.listen(this, "click", ({ target }) => this.act(target.dataset.do));
    this.listen(window, "beforeunload", (event) => outbox.unstored.size && event.preventDefault());
    outbox.hurry();
  }

  /** @param {Stretch["state"]} state */
  in(state) {
    return outbox.stretches.filter((stretch) => stretch.state === state);
  }

  show() {
    const ready = this.in("ready");
    const refused = this.in("refused");
    this.recovered ||= ready.some(({ recovered }) => recovered); // stays: it may be sent before anybody has read this
    /** @type {Record<string, boolean>} */
    const shown = {
      waiting: Boolean(ready.length && outbox.cause),
      sending: Boolean(ready.length && !outbox.cause),
      recovered: this.recovered,
      refused: Boolean(refused.length),
      full: outbox.full,
    };
    for (const part of findAll(this, "[data-part]")) {
      part.hidden = !part.dataset.part.split(" ").some((name) => shown[name]);
    }
    for (const cause of findAll(this, "[data-cause]")) cause.hidden = cause.dataset.cause !== outbox.cause;
    for (const text of findAll(this, "[data-length]")) {
      const length = spoken(1000 * seconds(text.dataset.length === "refused" ? refused : ready));
      text.textContent = fill(text.dataset.text, { length });
    }
    const sentences = new Set(refused.map(({ refusal }) => refusal).filter(Boolean));
    this.find("[data-refusals]").textContent = [...sentences].join(" ");
    this.hidden = !Object.values(shown).some(Boolean);
  }

  /** @param {string | undefined} what */
  act(what) {
    if (what === "retry") outbox.hurry();
    else if (what === "again") outbox.again(this.in("refused").map(({ id }) => id));
    else if (what === "save") this.save();
    else if (what === "delete" && window.confirm(this.dataset.confirm)) {
      for (const { id } of this.in("refused")) outbox.drop(id);
    }
  }

  /** Saves one WAV, or a ZIP of several. The outbox keeps them: the browser does not say whether the file was saved. */
  async save() {
    const stretches = [...this.in("ready"), ...this.in("refused")];
    const files = await Promise.all(
      stretches.map(async (stretch, n) => ({
        name: `${fileName(stretch)}${n ? ` (${n + 1})` : ""}.wav`,
        blob: wav(await outbox.sound(stretch), RATE),
      })),
    );
    const single = files.length === 1 ? files[0] : { name: `${fileName(stretches[0])}.zip`, blob: await zip(files) };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(single.blob);
    link.download = single.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), KEEP_LINK);
  }
}

customElements.define("mico-outbox", MicoOutbox);
