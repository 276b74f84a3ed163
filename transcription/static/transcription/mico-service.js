// <mico-service>: whether the speech service works, how many recordings of this meeting are under way, and a notice if
// no worker or no dispatcher is running. Each of the three can be wrong while the others are fine, so each is shown
// apart.
//
// Hears "mico:snapshot", "mico:service" and "mico:lines".

import { closest } from "./dom.js";
import { underWay } from "./known-recordings.js";
import { PageElement } from "./page-element.js";
import { setState } from "./state.js";

/** @import { Snapshot } from "./page-events.js" */

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

  /** @param {Snapshot["stt"]} stt */
  service(stt) {
    if (!stt) setState(this, "unknown");
    else if (!this.page.dataset.delayed) setState(this, "working");
  }

  /** @param {Snapshot["presence"]} alive null: unknown, the notice stays as it is */
  presence(alive) {
    if (!alive) return;
    const idle = alive.workers === 0 || alive.dispatchers === 0;
    this.find("[data-idle]").hidden = !idle;
    this.page.toggleAttribute("data-idle", idle);
  }

  count() {
    const statuses = [...underWay().values()];
    const processing = statuses.filter((status) => status === "processing").length;
    this.find('[data-count="processing"]').textContent = String(processing);
    this.find('[data-count="waiting"]').textContent = String(statuses.length - processing);
  }
}

customElements.define("mico-service", MicoService);
