// <mico-speakers>: a press on the name of a voice of a file asks who it is. The answer is for the whole recording; the
// lines come back as after any other change.

import { PageElement } from "./page-element.js";
import { send, sentenceOf } from "./server.js";

class MicoSpeakers extends PageElement {
  connect() {
    this.dialog = this.find("dialog", HTMLDialogElement);
    this.field = this.find("input", HTMLInputElement);
    this.problem = this.find("[data-problem]");
    this.listen(document.querySelector("#transcript"), "click", ({ target }) => {
      const button = target.closest("[data-name-voice]");
      if (button) this.ask(button);
    });
    this.listen(this, "click", ({ target }) => target.closest("[data-do=cancel]") && this.dialog.close());
    this.listen(this.querySelector("form"), "submit", (event) => this.save(event));
  }

  ask(button) {
    this.api = button.dataset.api;
    this.label = button.dataset.nameVoice;
    this.called = button.textContent.trim();
    this.field.value = this.called;
    const people = [...document.querySelectorAll("mico-people .person")].map((person) => person.textContent.trim());
    this.querySelector("datalist").replaceChildren(...people.map((name) => new Option(name, name)));
    this.problem.hidden = true;
    this.dialog.showModal();
    this.field.select();
  }

  async save(event) {
    event.preventDefault();
    if (this.field.value.trim() === this.called) return this.dialog.close(); // "Speaker 1" is no name to keep
    try {
      await send("POST", this.api, { label: this.label, name: this.field.value });
      this.dialog.close();
    } catch (error) {
      this.problem.textContent = sentenceOf(error) || this.problem.dataset.text;
      this.problem.hidden = false;
    }
  }
}

customElements.define("mico-speakers", MicoSpeakers);
