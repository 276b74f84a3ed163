// <local-time datetime="…" data-format="datetime|date|time">: a time in the reader's time zone and language.

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

customElements.define("local-time", LocalTime);
