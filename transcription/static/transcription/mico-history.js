// <mico-history>: the history of a line, inside its <li>: each corrected text with its author and time, newest first,
// and the vendor's own words. The button "edited" opens and closes it. When the line is rendered again, it is closed.

import { closest, copyOf, find, findAll } from "./dom.js";
import { json } from "./server.js";

/**
 * A line with its history, as the API has it.
 * @typedef {{ original: string, history: { text: string, author: string | null, at: string }[] }} EditedLine
 */

document.addEventListener("click", ({ target }) => {
  const button = closest(target, "#transcript [data-history]");
  if (!button) return;
  const [open] = findAll(closest(button, ".line"), "mico-history");
  button.setAttribute("aria-expanded", String(!open));
  if (open) return open.remove();
  const history = copyOf(find(document, "template[data-of-line]", HTMLTemplateElement));
  history.dataset.api = button.dataset.api;
  closest(button, ".editing").after(history);
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

  /** @param {EditedLine} line */
  show(line) {
    const items = line.history.map((revision) => {
      const li = /** @type {HTMLElement} */ (this.revision.cloneNode(true));
      const author = find(li, "[data-author]");
      find(li, "[data-text]").textContent = revision.text;
      author.textContent = revision.author ?? author.dataset.nobody;
      find(li, "local-time").setAttribute("datetime", revision.at);
      return li;
    });
    this.list.prepend(...items.reverse());
    find(this.list, "[data-original] [data-text]").textContent = line.original;
    this.list.hidden = false;
  }
}

customElements.define("mico-history", MicoHistory);
