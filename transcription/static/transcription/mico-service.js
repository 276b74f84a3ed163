// <mico-service>: how transcription stands. The service itself, what of this meeting is on its way, and whether
// anybody works at all: three things that fail apart, and are said apart.

import { live } from "./known-recordings.js";
import { setState } from "./state.js";

class MicoService extends HTMLElement {
  connectedCallback() {
    this.page = this.closest("#meeting");
    this.listening = new AbortController();
    const on = (type, act) => document.addEventListener(type, act, { signal: this.listening.signal });
    on("mico:snapshot", ({ detail }) => {
      this.presence(detail.presence);
      this.service(detail.stt);
    });
    on("mico:service", ({ detail }) => setState(this, detail));
    on("mico:lines", () => this.count());
    this.count();
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  service(stt) {
    if (!stt) setState(this, "unknown");
    else if (!this.page.dataset.delayed) setState(this, "working");
  }

  // Unknown (null) is not "nobody": then this notice stays as it was.
  presence(alive) {
    if (!alive) return;
    const idle = alive.workers === 0 || alive.dispatchers === 0;
    this.querySelector("[data-idle]").hidden = !idle;
    this.page.toggleAttribute("data-idle", idle);
  }

  count() {
    const underWay = live();
    const processing = underWay.filter(([, status]) => status === "processing").length;
    this.querySelector('[data-count="processing"]').textContent = processing;
    this.querySelector('[data-count="waiting"]').textContent = underWay.length - processing;
  }
}

customElements.define("mico-service", MicoService);
