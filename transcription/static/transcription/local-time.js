// <local-time datetime="…" data-format="datetime|date|time">: a moment in the reader's own zone and language.

import { language } from "./durations.js";

const FORMATS = {
  date: { dateStyle: "medium" },
  time: { timeStyle: "short" },
  datetime: { dateStyle: "medium", timeStyle: "short" },
};

class LocalTime extends HTMLElement {
  connectedCallback() {
    const moment = new Date(this.getAttribute("datetime"));
    if (Number.isNaN(moment.getTime())) return; // what the server wrote stays
    const format = FORMATS[this.dataset.format] ?? FORMATS.datetime;
    this.textContent = new Intl.DateTimeFormat(language, format).format(moment);
  }
}

customElements.define("local-time", LocalTime);
