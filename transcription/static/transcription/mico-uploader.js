// <mico-uploader>: the upload queue as people see it, one line for each, and the ways into it: the button, a drop.

import { percent, spoken, ticking } from "./durations.js";
import { setState } from "./state.js";
import { queue } from "./upload-queue.js";

const SUCCESSOR_WITHIN = 3000; // ms that a finished upload waits for the line that takes its place

class MicoUploader extends HTMLElement {
  connectedCallback() {
    queue.url = this.dataset.url;
    queue.maxBytes = Number(this.dataset.maxBytes) || Infinity;
    this.list = this.querySelector("ul");
    this.template = this.querySelector("template:not([data-leave])");
    this.listening = new AbortController();
    const signal = this.listening.signal;
    queue.addEventListener("added", ({ detail }) => this.show(detail), { signal });
    window.addEventListener("online", () => queue.hurry(), { signal });
    document.addEventListener("mico:snapshot", () => queue.hurry(), { signal });
    window.addEventListener("beforeunload", (event) => queue.busy && event.preventDefault(), { signal });
    this.input(document.querySelector("#upload-input"), signal);
    this.drops(signal);
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  input(input, signal) {
    input.form.dataset.live = "";
    input.form.addEventListener("submit", (event) => event.preventDefault(), { signal });
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = "";
    }, { signal });
  }

  drops(signal) {
    const files = (event) => event.dataTransfer?.types.includes("Files");
    const over = (event) => {
      if (!files(event)) return;
      event.preventDefault();
      this.toggleAttribute("data-dropping", true);
    };
    document.addEventListener("dragenter", over, { signal });
    document.addEventListener("dragover", over, { signal });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) this.toggleAttribute("data-dropping", false);
    }, { signal });
    document.addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      this.toggleAttribute("data-dropping", false);
      this.add(event.dataTransfer.files);
    }, { signal });
  }

  add(files) {
    for (const file of files) queue.add({ blob: file, name: file.name, kind: "upload" });
  }

  show(upload) {
    const li = this.template.content.firstElementChild.cloneNode(true);
    const name = li.querySelector("[data-name]");
    const live = upload.kind === "live";
    name.textContent = live ? name.dataset.liveName : upload.name;
    if (live) {
      li.querySelector(".at").textContent = ticking(upload.offsetMs);
      li.querySelector("[data-length]").textContent = spoken(upload.durationMs);
    }
    for (const part of li.querySelectorAll("[data-kind]")) if (part.dataset.kind !== upload.kind) part.remove();
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
    const save = li.querySelector("[data-do=save]");
    if (save && !save.hidden && !save.href) this.offer(save, upload);
    if (upload.state === "cancelled") this.remove(li);
    if (upload.state === "done") this.giveWay(li);
  }

  offer(save, upload) {
    save.href = URL.createObjectURL(upload.blob);
    const end = { "audio/webm": "webm", "audio/mp4": "m4a", "audio/ogg": "ogg" }[upload.blob.type] ?? "bin";
    save.download = `${upload.name}.${end}`;
  }

  act(what, upload, li) {
    if (what === "retry") queue.again(upload);
    else if (what === "dismiss") this.remove(li);
    else if (what === "cancel") {
      const text = this.querySelector("template[data-leave]").content.textContent.trim();
      if (upload.kind !== "live" || window.confirm(text)) queue.cancel(upload);
    }
  }

  // Its line in the transcript takes over; until that is there this one stays, so that nothing jumps.
  giveWay(li) {
    const remove = () => {
      document.removeEventListener("mico:lines", remove);
      this.remove(li);
    };
    document.addEventListener("mico:lines", remove);
    setTimeout(remove, SUCCESSOR_WITHIN);
  }

  remove(li) {
    const save = li.querySelector("[data-do=save]");
    if (save?.href) URL.revokeObjectURL(save.href);
    li.remove();
  }
}

customElements.define("mico-uploader", MicoUploader);
