// <mico-ended>: whether the meeting is over, for the whole page: #meeting[data-ended], the notice, the owner's buttons
// in <mico-ending>, and the event `mico:ended` with {ended}, by which whoever records stops.

import { fragment } from "./server.js";
import { setState } from "./state.js";

class MicoEnded extends HTMLElement {
  version = 0;

  connectedCallback() {
    this.page = this.closest("#meeting");
    this.owners = this.page.querySelector("mico-ending");
    this.listening = new AbortController();
    const signal = this.listening.signal;
    const told = ({ detail }) => this.become(detail.state, detail.version);
    for (const type of ["meeting.changed", "snapshot"]) document.addEventListener(`mico:${type}`, told, { signal });
    this.owners?.addEventListener("submit", (event) => this.submit(event), { signal });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  become(state, version) {
    if (version < this.version || !["open", "ended"].includes(state)) return;
    this.version = version;
    const ended = state === "ended";
    if (ended === this.page.hasAttribute("data-ended")) return;
    this.page.toggleAttribute("data-ended", ended);
    setState(this, state);
    if (this.owners) setState(this.owners, state);
    document.dispatchEvent(new CustomEvent("mico:ended", { detail: { ended } }));
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
