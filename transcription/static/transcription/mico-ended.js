// <mico-ended>: keeps the whole page informed whether the meeting is over: #meeting[data-ended], this element's notice,
// the owner's buttons in <mico-ending>, and the event "mico:ended", at which the recorder stops.
//
// Hears "mico:meeting.changed" and "mico:snapshot".

import { closest, find, findAll } from "./dom.js";
import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { fragment } from "./server.js";
import { setState } from "./state.js";

class MicoEnded extends PageElement {
  version = 0;

  connect() {
    this.page = closest(this, "#meeting");
    const [owners] = findAll(this.page, "mico-ending");
    this.owners = owners; // only the owner's page has it
    this.on("mico:meeting.changed", ({ state, version }) => this.become(state, version));
    this.on("mico:snapshot", ({ state, version }) => this.become(state, version));
    if (this.owners) this.listen(this.owners, "submit", (event) => this.submit(event));
  }

  /**
   * @param {string} state
   * @param {number} version
   */
  become(state, version) {
    if (version < this.version || !["open", "ended"].includes(state)) return;
    this.version = version;
    const ended = state === "ended";
    if (ended === this.page.hasAttribute("data-ended")) return;
    this.page.toggleAttribute("data-ended", ended);
    setState(this, state);
    if (this.owners) setState(this.owners, state);
    dispatch("mico:ended", { ended });
  }

  /**
   * Ends or reopens the meeting. The page itself changes when the event comes, as everybody's does.
   * @param {SubmitEvent & { target: HTMLFormElement }} event
   */
  async submit(event) {
    event.preventDefault();
    const button = find(event.target, "button", HTMLButtonElement);
    if (button.disabled) return;
    button.disabled = true;
    try {
      await fragment(event.target.action, { method: "POST", body: new FormData(event.target) });
    } catch {
      // the notice of the connection says why
    }
    button.disabled = false;
  }
}

customElements.define("mico-ended", MicoEnded);
