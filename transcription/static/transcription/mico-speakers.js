// <mico-speakers>: names the voices of an uploaded file. A press on a voice's name opens a dialog; the new name applies
// to the whole recording, whose lines are then fetched again as after any change.

import { closest, find, findAll } from "./dom.js";
import { PageElement } from "./page-element.js";
import { send, sentenceOf } from "./server.js";
import { showProblem } from "./state.js";

class MicoSpeakers extends PageElement {
  connect() {
    this.dialog = this.find("dialog", HTMLDialogElement);
    this.field = this.find("input", HTMLInputElement);
    this.problem = this.find("[data-problem]");
    this.listen(find(document, "#transcript"), "click", ({ target }) => {
      const button = closest(target, "[data-name-voice]");
      if (button) this.ask(button);
    });
    this.listen(this, "click", ({ target }) => target.closest("[data-do=cancel]") && this.dialog.close());
    this.listen(this.find("form"), "submit", (event) => this.save(event));
  }

  /** @param {HTMLElement} button the voice's name */
  ask(button) {
    this.api = button.dataset.api;
    this.label = button.dataset.nameVoice;
    this.called = button.textContent.trim();
    this.field.value = this.called;
    const people = findAll(document, "mico-people .person").map((person) => person.textContent.trim());
    this.find("datalist").replaceChildren(...people.map((name) => new Option(name, name)));
    this.problem.hidden = true;
    this.dialog.showModal();
    this.field.select();
  }

  /** @param {SubmitEvent} event */
  async save(event) {
    event.preventDefault();
    if (this.field.value.trim() === this.called) return this.dialog.close(); // "Speaker 1" must not become a name
    try {
      await send("POST", this.api, { label: this.label, name: this.field.value });
      this.dialog.close();
    } catch (error) {
      showProblem(this.problem, sentenceOf(error));
    }
  }
}

customElements.define("mico-speakers", MicoSpeakers);
