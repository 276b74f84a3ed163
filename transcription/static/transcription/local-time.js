// <local-time datetime="…" data-format="datetime|date|time">: a time in the reader's time zone and language.
// <local-zone>: puts the name of that zone into the disabled input that it contains, and enables it.

import { language } from "./durations.js";

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const FORMATS = {
  date: { dateStyle: "medium" },
  time: { timeStyle: "short" },
  datetime: { dateStyle: "medium", timeStyle: "short" },
};

class LocalTime extends HTMLElement {
  connectedCallback() {
    const moment = new Date(this.getAttribute("datetime"));
    if (Number.isNaN(moment.getTime())) return; // keeps the text that the server wrote
    const format = FORMATS[this.dataset.format] ?? FORMATS.datetime;
    this.textContent = new Intl.DateTimeFormat(language, format).format(moment);
  }
}

class LocalZone extends HTMLElement {
  connectedCallback() {
    const input = this.querySelector("input");
    input.value = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    input.disabled = false;
  }
}

customElements.define("local-time", LocalTime);
customElements.define("local-zone", LocalZone);
