// <mico-people>: the list of people, who of them is here, and who is recording. What the owner does about them leaves
// the page where it is: a recording may be running.

import { find, findAll } from "./dom.js";
import { PageElement } from "./page-element.js";
import { fragment } from "./server.js";

class MicoPeople extends PageElement {
  attendance = { version: -1, here: [], recording: [] };

  connect() {
    this.list = this.find("[data-people]");
    this.on("mico:participant.changed", ({ version }) => this.want(version));
    this.on("mico:attendance.changed", (attendance) => {
      if (attendance.version > this.attendance.version) this.attend(attendance);
    });
    this.on("mico:snapshot", ({ version, attendance }) => {
      this.want(version);
      this.attend(attendance ?? { version: -1, here: [], recording: [] }); // without Redis nobody knows
    });
    this.on("mico:lines", () => this.name()); // lines that were asked for before somebody got another name
    this.listen(this, "submit", (event) => this.submit(event));
    this.listen(this, "click", ({ target }) => target.matches("[data-copy]") && this.copy(target));
    this.listen(this, "focusout", () => setTimeout(() => this.stale && this.load()));
    this.ready();
  }

  get version() {
    return Number(this.find("[data-version]").dataset.version);
  }

  want(version) {
    if (version > this.version) this.load();
  }

  // Nobody's half-written name is thrown away, and no menu closes under somebody's fingers.
  get busy() {
    const fields = this.list.querySelectorAll("input");
    return [...fields].some(
      (field) =>
        field.matches(":not([type=hidden], [readonly])") &&
        (field === document.activeElement || field.value !== field.defaultValue),
    );
  }

  async load() {
    this.stale = this.busy;
    if (this.stale) return; // again when that is over
    try {
      this.show(await fragment(this.dataset.url));
    } catch {
      // the next change, or the next snapshot, shows it
    }
  }

  async submit(event) {
    const form = event.target;
    if (form.hasAttribute("data-leave")) return; // leaving leaves the page too
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button");
    if (button.disabled) return;
    const body = new FormData(form, button);
    button.disabled = true;
    try {
      this.show(await fragment(form.action, { method: "POST", body }));
      const invited = this.querySelector("[data-testid=invite] input:not([type=hidden])");
      (invited instanceof HTMLElement ? invited : this).focus();
    } catch {
      button.disabled = false; // the connection's own notice says why
    }
  }

  show(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const version = Number(find(template.content, "[data-version]").dataset.version);
    if (version < this.version) return; // an older answer than what is shown
    this.stale = false;
    this.list.replaceChildren(template.content);
    this.ready();
  }

  ready() {
    for (const copy of findAll(this, "[data-copy]")) copy.hidden = !navigator.clipboard; // only secure pages have one
    this.mark();
    this.name();
  }

  attend(attendance) {
    this.attendance = attendance;
    this.mark();
  }

  mark() {
    for (const li of findAll(this.list, "li[data-participant]")) {
      const person = Number(li.dataset.participant);
      for (const what of ["here", "recording"]) {
        for (const sign of findAll(li, `[data-${what}]`)) sign.hidden = !this.attendance[what].includes(person);
      }
    }
  }

  // A new name stands at once on every line that its person spoke.
  name() {
    for (const li of findAll(this.list, "li[data-participant]")) {
      const name = li.querySelector(".person").textContent;
      for (const who of document.querySelectorAll(`#transcript [data-voice="p${li.dataset.participant}"] .who`)) {
        if (who.lastChild && who.lastChild.textContent !== name) who.lastChild.textContent = name;
      }
    }
  }

  async copy(button) {
    const address = this.find("#join-address", HTMLInputElement);
    try {
      await navigator.clipboard.writeText(address.value);
      button.textContent = button.dataset.copied;
    } catch {
      address.select(); // the browser does not let the page copy: the person can
    }
  }
}

customElements.define("mico-people", MicoPeople);
