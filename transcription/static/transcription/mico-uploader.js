// <mico-uploader>: files on their way to the server, one line for each, and the ways to hand them in: the button, a drop.

import { percent } from "./durations.js";
import { files } from "./file-uploads.js";
import { setState } from "./state.js";

const SUCCESSOR_WITHIN = 3000; // ms that a finished upload waits for the line that takes its place

class MicoUploader extends HTMLElement {
  connectedCallback() {
    files.url = this.dataset.files;
    files.maxBytes = Number(this.dataset.maxBytes) || Infinity;
    this.list = this.querySelector("ul");
    this.template = this.querySelector("template");
    this.listening = new AbortController();
    const signal = this.listening.signal;
    files.addEventListener("added", ({ detail }) => this.show(detail), { signal });
    window.addEventListener("online", () => files.hurry(), { signal });
    document.addEventListener("mico:snapshot", () => files.hurry(), { signal });
    window.addEventListener("beforeunload", (event) => files.busy && event.preventDefault(), { signal });
    this.input(document.querySelector("#upload-input"), signal);
    this.drops(signal);
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  input(input, signal) {
    input.form.dataset.live = "";
    input.form.addEventListener("submit", (event) => event.preventDefault(), { signal });
    input.addEventListener(
      "change",
      () => {
        this.add(input.files);
        input.value = "";
      },
      { signal },
    );
  }

  drops(signal) {
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.toggleAttribute("data-dropping", true);
    };
    document.addEventListener("dragenter", over, { signal });
    document.addEventListener("dragover", over, { signal });
    document.addEventListener(
      "dragleave",
      (event) => {
        if (!event.relatedTarget) this.toggleAttribute("data-dropping", false);
      },
      { signal },
    );
    document.addEventListener(
      "drop",
      (event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        this.toggleAttribute("data-dropping", false);
        this.add(event.dataTransfer.files);
      },
      { signal },
    );
  }

  add(chosen) {
    for (const file of chosen) files.add(file);
  }

  show(upload) {
    const li = this.template.content.firstElementChild.cloneNode(true);
    const name = li.querySelector("[data-name]");
    name.textContent = upload.name;
    li.addEventListener("click", ({ target }) => this.act(target.dataset.do, upload, li));
    upload.addEventListener("change", () => this.update(upload, li));
    this.list.append(li);
    this.update(upload, li);
  }

  update(upload, li) {
    setState(li, upload.state);
    const bar = li.querySelector("progress");
    bar.value = 100 * upload.sent;
    li.querySelector("[data-percent]").textContent = percent(upload.sent);
    if (upload.state === "failed") {
      const message = li.querySelector("[data-message]");
      message.textContent =
        upload.refusal === "large" ? message.dataset.large : upload.refusal || message.dataset.refused;
    }
    if (upload.state === "cancelled") li.remove();
    if (upload.state === "done") this.giveWay(li);
  }

  act(what, upload, li) {
    if (what === "retry") files.again(upload);
    else if (what === "dismiss") li.remove();
    else if (what === "cancel") files.cancel(upload);
  }

  // Its line in the transcript takes over; until that is there this one stays, so that nothing jumps.
  giveWay(li) {
    const remove = () => {
      document.removeEventListener("mico:lines", remove);
      li.remove();
    };
    document.addEventListener("mico:lines", remove);
    setTimeout(remove, SUCCESSOR_WITHIN);
  }
}

customElements.define("mico-uploader", MicoUploader);
