// <mico-people>: the list of the meeting's people, with who is here and who is recording. The owner's forms in it are
// sent without leaving the page, because a recording may be running.
//
// Hears "mico:participant.changed", "mico:attendance.changed", "mico:snapshot" and "mico:lines".

import { find, findAll } from "./dom.js";
import { PageElement } from "./page-element.js";
import { fragment } from "./server.js";

/** @import { Attendance } from "./page-events.js" */

/** @type {Attendance} */
const UNKNOWN = { version: -1, here: [], recording: [] };

class MicoPeople extends PageElement {
  attendance = UNKNOWN;
  stale = false; // whether a newer list has to be fetched once nobody types in this one

  connect() {
    this.list = this.find("[data-people]");
    this.on("mico:participant.changed", ({ version }) => this.want(version));
    this.on("mico:attendance.changed", (attendance) => {
      if (attendance.version > this.attendance.version) this.attend(attendance);
    });
    this.on("mico:snapshot", ({ version, attendance }) => {
      this.want(version);
      this.attend(attendance ?? UNKNOWN);
    });
    this.on("mico:lines", () => this.name()); // the new lines may have been asked for before somebody was renamed
    this.listen(this, "submit", (event) => this.submit(event));
    this.listen(this, "click", ({ target }) => target.matches("[data-copy]") && this.copy(target));
    this.listen(this, "focusout", () => setTimeout(() => this.stale && this.load()));
    this.ready();
  }

  get version() {
    return Number(this.find("[data-version]").dataset.version);
  }

  /** @param {number} version */
  want(version) {
    if (version > this.version) this.load();
  }

  /** Whether somebody types in the list, or has typed a name there and not saved it. A new list would discard it. */
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
    if (this.stale) return;
    try {
      this.show(await fragment(this.dataset.url));
    } catch {
      // the next change or snapshot asks again
    }
  }

  /** @param {SubmitEvent & { target: HTMLFormElement }} event */
  async submit(event) {
    const form = event.target;
    if (form.hasAttribute("data-leave")) return; // whoever leaves the meeting leaves its page, too
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (event.submitter ?? form.querySelector("button"));
    if (button.disabled) return;
    const body = new FormData(form, button);
    button.disabled = true;
    try {
      this.show(await fragment(form.action, { method: "POST", body }));
      const [invited] = findAll(this, "[data-testid=invite] input:not([type=hidden])");
      (invited ?? this).focus();
    } catch {
      button.disabled = false; // the notice of the connection says why
    }
  }

  /** @param {DocumentFragment} people */
  show(people) {
    const version = Number(find(people, "[data-version]").dataset.version);
    if (version < this.version) return; // an older answer that came late
    this.stale = false;
    this.list.replaceChildren(people);
    this.ready();
  }

  ready() {
    for (const copy of findAll(this, "[data-copy]")) copy.hidden = !navigator.clipboard; // only secure pages have one
    this.mark();
    this.name();
  }

  /** @param {Attendance} attendance */
  attend(attendance) {
    this.attendance = attendance;
    this.mark();
  }

  /** Shows who is here and who is recording. */
  mark() {
    for (const li of findAll(this.list, "li[data-participant]")) {
      const person = Number(li.dataset.participant);
      for (const what of /** @type {const} */ (["here", "recording"])) {
        for (const sign of findAll(li, `[data-${what}]`)) sign.hidden = !this.attendance[what].includes(person);
      }
    }
  }

  /** Puts each person's current name on the lines they spoke. */
  name() {
    for (const li of findAll(this.list, "li[data-participant]")) {
      const name = find(li, ".person").textContent;
      for (const who of findAll(document, `#transcript [data-voice="p${li.dataset.participant}"] .who`)) {
        if (who.lastChild && who.lastChild.textContent !== name) who.lastChild.textContent = name;
      }
    }
  }

  /** @param {HTMLElement} button */
  async copy(button) {
    const address = this.find("#join-address", HTMLInputElement);
    try {
      await navigator.clipboard.writeText(address.value);
      button.textContent = button.dataset.copied;
    } catch {
      address.select(); // the browser does not let the page copy; the person can
    }
  }
}

customElements.define("mico-people", MicoPeople);
