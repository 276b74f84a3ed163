// <mico-editor>: a field to correct a line, inside the line's <li>. When the line is rendered again, the editor stays
// (line-list.js). Typed text is never lost: an editor that was closed without saving shows it when it is opened again.
// If somebody else has changed the line in the meantime, nothing is saved: both texts are shown, and the person chooses
// one.

import { closest, copyOf, find, findAll } from "./dom.js";
import { PageElement } from "./page-element.js";
import { json, RequestFailed, send, sentenceOf } from "./server.js";
import { showProblem } from "./state.js";

/**
 * A line, as the API has it. `original`: the vendor's words.
 * @typedef {{ text: string, original: string, edited: boolean, version: number }} EditableLine
 */

/**
 * @type {Map<string, { text: string, version: number }>} text not saved yet and the version it corrects, by API address
 */
const drafts = new Map();

document.addEventListener("click", ({ target }) => {
  const button = closest(target, "#transcript [data-edit]");
  if (!button) return;
  const line = closest(button, ".line");
  const [open] = findAll(line, "mico-editor");
  if (open) return open.focus();
  const editor = copyOf(find(document, "template[data-editor]", HTMLTemplateElement));
  editor.dataset.api = button.dataset.api;
  line.append(editor);
});

class MicoEditor extends PageElement {
  typed = false;
  saving = false;
  /** The version that the text corrects; 0 until the server has answered. */
  version = 0;

  connect() {
    this.field = this.find("textarea", HTMLTextAreaElement);
    this.problem = this.find("[data-problem]");
    this.conflict = this.find("[data-conflict]");
    this.listen(this, "click", ({ target }) => this.act(target.closest("[data-do]")?.dataset.do));
    this.listen(this.field, "keydown", (event) => this.key(event));
    this.listen(this.field, "input", () => this.keep());
    this.field.value = find(closest(this, ".line"), "p.text").textContent;
    this.focus();
    this.looked = this.look();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  /** Fetches the line as it is now. A draft of an older version leads to the choice between the two texts. */
  async look() {
    try {
      this.line = /** @type {EditableLine} */ (await json(this.dataset.api));
    } catch {
      return this.fail();
    }
    if (!this.isConnected) return;
    this.find('[data-do="restore"]').hidden = !this.line.edited;
    const draft = drafts.get(this.dataset.api);
    if (!draft) {
      if (!this.typed) this.field.value = this.line.text;
      this.version = this.line.version;
    } else {
      this.field.value = draft.text;
      this.version = draft.version;
      if (draft.version !== this.line.version) this.ask();
    }
  }

  keep() {
    this.typed = true;
    if (this.version) drafts.set(this.dataset.api, { text: this.field.value, version: this.version });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing) return; // Enter and Escape belong to the composition, of a Korean syllable
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.save();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    }
  }

  /** @param {string | undefined} what */
  act(what) {
    if (what === "save") this.save();
    else if (what === "close") this.close();
    else if (what === "restore") {
      this.field.value = this.line.original;
      this.keep();
      this.save();
    } else if (what === "mine") {
      this.version = this.line.version;
      this.save();
    } else if (what === "theirs") {
      drafts.delete(this.dataset.api);
      this.close();
    }
  }

  async save() {
    if (this.saving) return;
    this.saving = true;
    await this.looked; // the person may be faster than the first answer
    if (!this.version) await this.look();
    if (this.version) await this.write(); // otherwise `look` has shown the problem
    this.saving = false;
  }

  async write() {
    this.keep();
    this.problem.hidden = true;
    this.conflict.hidden = true;
    try {
      await send("PATCH", this.dataset.api, { version: this.version, text: this.field.value });
      drafts.delete(this.dataset.api);
      this.close();
    } catch (error) {
      if (error instanceof RequestFailed && error.status === 409)
        await this.look(); // shows the other text
      else this.fail(sentenceOf(error));
    }
  }

  /** Shows the other person's text, with buttons to choose one. */
  ask() {
    this.find("[data-theirs]").textContent = this.line.text;
    this.conflict.hidden = false;
  }

  /** @param {string} [sentence] */
  fail(sentence) {
    showProblem(this.problem, sentence);
  }

  close() {
    const line = this.closest(".line");
    this.remove();
    if (line) findAll(line, "[data-edit]")[0]?.focus({ preventScroll: true });
  }
}

customElements.define("mico-editor", MicoEditor);
