// <mico-uploader>: files on their way to the server, one line for each, and the ways to hand them in: the button, a drop.

import { copyOf, find } from "./dom.js";
import { percent } from "./durations.js";
import { files } from "./file-uploads.js";
import { PageElement } from "./page-element.js";
import { on } from "./page-events.js";
import { setState } from "./state.js";

const SUCCESSOR_WITHIN = 3000; // ms that a finished upload waits for the line that takes its place

class MicoUploader extends PageElement {
  connect() {
    files.url = this.dataset.files;
    files.maxBytes = Number(this.dataset.maxBytes) || Infinity;
    this.list = this.find("ul");
    this.template = this.find("template", HTMLTemplateElement);
    this.listen(files, "added", ({ detail }) => this.show(detail));
    this.listen(window, "online", () => files.hurry());
    this.on("mico:snapshot", () => files.hurry());
    this.listen(window, "beforeunload", (event) => files.busy && event.preventDefault());
    this.input(find(document, "#upload-input", HTMLInputElement));
    this.drops();
  }

  input(input) {
    input.form.dataset.live = "";
    this.listen(input.form, "submit", (event) => event.preventDefault());
    this.listen(input, "change", () => {
      this.add(input.files);
      input.value = "";
    });
  }

  drops() {
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.toggleAttribute("data-dropping", true);
    };
    this.listen(document, "dragenter", over);
    this.listen(document, "dragover", over);
    this.listen(document, "dragleave", (event) => {
      if (!event.relatedTarget) this.toggleAttribute("data-dropping", false);
    });
    this.listen(document, "drop", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.toggleAttribute("data-dropping", false);
      this.add(event.dataTransfer.files);
    });
  }

  add(chosen) {
    for (const file of chosen) files.add(file);
  }

  show(upload) {
    const li = copyOf(this.template);
    const name = li.querySelector("[data-name]");
    name.textContent = upload.name;
    this.listen(li, "click", ({ target }) => this.act(target.dataset.do, upload, li));
    upload.addEventListener("change", () => this.update(upload, li));
    this.list.append(li);
    this.update(upload, li);
  }

  update(upload, li) {
    setState(li, upload.state);
    const bar = find(li, "progress", HTMLProgressElement);
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
    const waiting = new AbortController();
    const remove = () => {
      waiting.abort();
      li.remove();
    };
    on("mico:lines", remove, waiting.signal);
    setTimeout(remove, SUCCESSOR_WITHIN);
  }
}

customElements.define("mico-uploader", MicoUploader);
