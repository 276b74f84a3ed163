// <mico-editor>: the text of a line while somebody changes it, inside the line's <li>. A line that is made anew keeps
// it (line-list.js). What was typed is never thrown away: closed unsaved, it is there when the line is edited again;
// and where somebody else was faster, their text is shown beside it, and nothing is written until one of the two is chosen.

import { closest, copyOf, find, findAll } from "./dom.js";
import { PageElement } from "./page-element.js";
import { json, RequestFailed, send, sentenceOf } from "./server.js";

const drafts = new Map(); // address of the line → { text, version }: what was typed and not saved

document.addEventListener("click", ({ target }) => {
  const button = closest(target, "#transcript [data-edit]");
  if (!button) return;
  const line = button.closest(".line");
  const [open] = findAll(line, "mico-editor");
  if (open) return open.focus();
  const editor = copyOf(find(document, "template[data-editor]", HTMLTemplateElement));
  editor.dataset.api = button.dataset.api;
  line.append(editor);
});

class MicoEditor extends PageElement {
  connect() {
    this.field = this.find("textarea", HTMLTextAreaElement);
    this.problem = this.find("[data-problem]");
    this.conflict = this.find("[data-conflict]");
    this.listen(this, "click", ({ target }) => this.act(target.closest("[data-do]")?.dataset.do));
    this.listen(this.field, "keydown", (event) => this.key(event));
    this.listen(this.field, "input", () => this.keep());
    this.field.value = this.closest(".line").querySelector("p.text").textContent;
    this.focus();
    this.looked = this.look();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  // What the line is now, and what was typed into it before.
  async look() {
    try {
      this.line = await json(this.dataset.api);
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

  // Keys belong to a composition (a Korean syllable) while there is one.
  key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.save();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    }
  }

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
    await this.looked; // who is quicker than the first answer
    if (!this.version) await this.look();
    if (this.version) await this.write(); // without one, `look` has said that it failed
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
        await this.look(); // its draft is of another version
      else this.fail(sentenceOf(error));
    }
  }

  // Somebody else's text is there by now: which of the two?
  ask() {
    this.querySelector("[data-theirs]").textContent = this.line.text;
    this.conflict.hidden = false;
  }

  fail(sentence) {
    this.problem.textContent = sentence || this.problem.dataset.text;
    this.problem.hidden = false;
  }

  close() {
    const line = this.closest(".line");
    this.remove();
    if (line) findAll(line, "[data-edit]")[0]?.focus({ preventScroll: true });
  }
}

customElements.define("mico-editor", MicoEditor);
