// <mico-outbox>: what was spoken in this meeting and is not on the server yet, why, and what one can do about it.

import { findAll } from "./dom.js";
import { spoken } from "./durations.js";
import { fileName, RATE } from "./hand-in.js";
import { outbox } from "./outbox.js";
import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { fill } from "./state.js";
import { wav } from "./wav.js";
import { zip } from "./zip.js";

const KEEP_LINK = 60000; // ms that a browser has to read a file that it saves

const seconds = (stretches) => stretches.reduce((sum, { samples }) => sum + samples, 0) / RATE;

class MicoOutbox extends PageElement {
  recovered = false; // whether something was found that an earlier page had kept

  connect() {
    this.listen(outbox, "change", () => this.show());
    this.listen(outbox, "sent", ({ detail }) => dispatch("mico:uploaded", detail));
    this.listen(this, "click", ({ target }) => this.act(target.dataset.do));
    this.listen(window, "beforeunload", (event) => outbox.unstored.size && event.preventDefault());
    outbox.hurry();
  }

  in(state) {
    return outbox.stretches.filter((stretch) => stretch.state === state);
  }

  show() {
    const ready = this.in("ready");
    const refused = this.in("refused");
    this.recovered ||= ready.some(({ recovered }) => recovered); // sent before anybody could have read it
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
    this.querySelector("[data-refusals]").textContent = [...sentences].join(" ");
    this.hidden = !Object.values(shown).some(Boolean);
  }

  act(what) {
    if (what === "retry") outbox.hurry();
    else if (what === "again") outbox.again(this.in("refused").map(({ id }) => id));
    else if (what === "save") this.save();
    else if (what === "delete" && window.confirm(this.dataset.confirm)) {
      for (const { id } of this.in("refused")) outbox.drop(id);
    }
  }

  // One WAV, or all of them in an archive. They stay here: a file is not a confirmation.
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
