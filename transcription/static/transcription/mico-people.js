// <mico-people>: the list of people. Inviting and removing leave the page where it is: a recording may be running.

import { fragment } from "./server.js";

class MicoPeople extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("[data-people]");
    this.listening = new AbortController();
    const signal = this.listening.signal;
    document.addEventListener("mico:participant.changed", () => this.load(), { signal });
    this.addEventListener("submit", (event) => this.submit(event), { signal });
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  async submit(event) {
    const form = event.target;
    if (form.hasAttribute("data-leave")) return; // leaving leaves the page too
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    try {
      this.show(await fragment(form.action, { method: "POST", body: new FormData(form) }));
      (this.querySelector(".invite input:not([type=hidden])") ?? this).focus();
    } catch {
      button.disabled = false; // the connection's own notice says why
    }
  }

  async load() {
    const typing = this.querySelector(".invite input:not([type=hidden])");
    if (typing && (typing.value || typing === document.activeElement)) {
      this.stale = true; // nobody's half-written name is thrown away
      typing.addEventListener("blur", () => this.stale && !typing.value && this.load(), { once: true });
      return;
    }
    this.stale = false;
    try {
      this.show(await fragment(this.dataset.url));
    } catch {
      // the next change, or the next page, shows it
    }
  }

  show(html) {
    this.list.innerHTML = html;
  }
}

customElements.define("mico-people", MicoPeople);
