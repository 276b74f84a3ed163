// <mico-service>: how transcription stands. The service itself, what of this meeting is on its way, and whether
// anybody works at all: three things that fail apart, and are said apart.

import { closest } from "./dom.js";
import { live } from "./known-recordings.js";
import { PageElement } from "./page-element.js";
import { setState } from "./state.js";

class MicoService extends PageElement {
  connect() {
    this.page = closest(this, "#meeting");
    this.on("mico:snapshot", ({ presence, stt }) => {
      this.presence(presence);
      this.service(stt);
    });
    this.on("mico:service", (state) => setState(this, state));
    this.on("mico:lines", () => this.count());
    this.count();
  }

  service(stt) {
    if (!stt) setState(this, "unknown");
    else if (!this.page.dataset.delayed) setState(this, "working");
  }

  // Unknown (null) is not "nobody": then this notice stays as it was.
  presence(alive) {
    if (!alive) return;
    const idle = alive.workers === 0 || alive.dispatchers === 0;
    this.find("[data-idle]").hidden = !idle;
    this.page.toggleAttribute("data-idle", idle);
  }

  count() {
    const underWay = live();
    const processing = underWay.filter(([, status]) => status === "processing").length;
    this.querySelector('[data-count="processing"]').textContent = String(processing);
    this.querySelector('[data-count="waiting"]').textContent = String(underWay.length - processing);
  }
}

customElements.define("mico-service", MicoService);
