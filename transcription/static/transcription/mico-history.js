// <mico-history>: what became of a line, inside the line's <li>: each text that somebody gave it, with who and when, and
// the vendor's own words. "edited" opens and closes it; a line that is made anew comes without it.

import { json } from "./server.js";

document.addEventListener("click", ({ target }) => {
  const button = target.closest("#transcript [data-history]");
  if (!button) return;
  const open = button.closest(".line").querySelector("mico-history");
  button.setAttribute("aria-expanded", String(!open));
  if (open) return open.remove();
  const history = document.querySelector("template[data-of-line]").content.firstElementChild.cloneNode(true);
  history.dataset.api = button.dataset.api;
  button.closest(".editing").after(history);
});

class MicoHistory extends HTMLElement {
  async connectedCallback() {
    this.list = this.querySelector("ol");
    this.revision = this.list.querySelector("[data-revision]");
    this.revision.remove();
    this.list.hidden = true;
    try {
      this.show(await json(this.dataset.api));
    } catch {
      this.querySelector("[data-problem]").hidden = false;
    }
  }

  show(line) {
    const items = line.history.map((revision) => {
      const li = this.revision.cloneNode(true);
      const author = li.querySelector("[data-author]");
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
