// <mico-history>: what became of a line, inside the line's <li>: each text that somebody gave it, with who and when, and
// the vendor's own words. "edited" opens and closes it; a line that is made anew comes without it.

import { closest, copyOf, find } from "./dom.js";
import { json } from "./server.js";

document.addEventListener("click", ({ target }) => {
  const button = closest(target, "#transcript [data-history]");
  if (!button) return;
  const open = button.closest(".line").querySelector("mico-history");
  button.setAttribute("aria-expanded", String(!open));
  if (open) return open.remove();
  const history = copyOf(find(document, "template[data-of-line]", HTMLTemplateElement));
  history.dataset.api = button.dataset.api;
  button.closest(".editing").after(history);
});

class MicoHistory extends HTMLElement {
  async connectedCallback() {
    this.list = find(this, "ol");
    this.revision = find(this.list, "[data-revision]");
    this.revision.remove();
    this.list.hidden = true;
    try {
      this.show(await json(this.dataset.api));
    } catch {
      find(this, "[data-problem]").hidden = false;
    }
  }

  show(line) {
    const items = line.history.map((revision) => {
      const li = /** @type {HTMLElement} */ (this.revision.cloneNode(true));
      const author = find(li, "[data-author]");
      li.querySelector("[data-text]").textContent = revision.text;
      author.textContent = revision.author ?? author.dataset.nobody;
      li.querySelector("local-time").setAttribute("datetime", revision.at);
      return li;
    });
    this.list.prepend(...items.reverse());
    this.list.querySelector("[data-original] [data-text]").textContent = line.original;
    this.list.hidden = false;
  }
}

customElements.define("mico-history", MicoHistory);
