// <mico-ended>: whether the meeting is over, for the whole page: #meeting[data-ended], the notice, the owner's buttons
// in <mico-ending>, and the event `mico:ended` with {ended}, by which whoever records stops.

import { findAll } from "./dom.js";
import { PageElement } from "./page-element.js";
import { dispatch } from "./page-events.js";
import { fragment } from "./server.js";
import { setState } from "./state.js";

class MicoEnded extends PageElement {
  version = 0;

  connect() {
    this.page = this.closest("#meeting");
    const [owners] = findAll(this.page, "mico-ending");
    this.owners = owners;
    this.on("mico:meeting.changed", ({ state, version }) => this.become(state, version));
    this.on("mico:snapshot", ({ state, version }) => this.become(state, version));
    if (this.owners) this.listen(this.owners, "submit", (event) => this.submit(event));
  }

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

  // The page hears of it as everybody does: by the event.
  async submit(event) {
    event.preventDefault();
    const button = event.target.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    try {
      await fragment(event.target.action, { method: "POST", body: new FormData(event.target) });
    } catch {
      // the connection's own notice says why
    }
    button.disabled = false;
  }
}

customElements.define("mico-ended", MicoEnded);
