// <mico-uploader>: takes files from the button and from drag and drop, and shows a line for each until its recording's
// own line is in the transcript. file-uploads.js sends them.
//
// Hears "mico:snapshot" and "mico:lines".

import { copyOf, find } from "./dom.js";
import { percent } from "./durations.js";
import { files } from "./file-uploads.js";
import { PageElement } from "./page-element.js";
import { on } from "./page-events.js";
import { setState } from "./state.js";

/** @import { FileUpload } from "./file-uploads.js" */

const SUCCESSOR_WITHIN = 3000; // ms that a finished upload stays if no new lines come

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

  /** @param {HTMLInputElement} input */
  input(input) {
    input.form.dataset.live = "";
    this.listen(input.form, "submit", (event) => event.preventDefault());
    this.listen(input, "change", () => {
      this.add(input.files);
      input.value = "";
    });
  }

  drops() {
    const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
    const over = (/** @type {DragEvent} */ event) => {
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

  /** @param {FileList} chosen */
  add(chosen) {
    for (const file of chosen) files.add(file);
  }

  /** @param {FileUpload} upload */
  show(upload) {
    const li = copyOf(this.template);
    find(li, "[data-name]").textContent = upload.name;
    this.listen(li, "click", ({ target }) => this.act(target.dataset.do, upload, li));
    upload.addEventListener("change", () => this.update(upload, li));
    this.list.append(li);
    this.update(upload, li);
  }

  /**
   * @param {FileUpload} upload
   * @param {HTMLElement} li
   */
  update(upload, li) {
    setState(li, upload.state);
    find(li, "progress", HTMLProgressElement).value = 100 * upload.sent;
    find(li, "[data-percent]").textContent = percent(upload.sent);
    find(li, "[data-no-room]").hidden = !(upload.state === "waiting" && upload.noRoom);
    if (upload.state === "failed") {
      const message = find(li, "[data-message]");
      message.textContent =
        upload.refusal === "large" ? message.dataset.large : upload.refusal || message.dataset.refused;
    }
    if (upload.state === "cancelled") li.remove();
    if (upload.state === "done") this.giveWay(li);
  }

  /**
   * @param {string | undefined} what
   * @param {FileUpload} upload
   * @param {HTMLElement} li
   */
  act(what, upload, li) {
    if (what === "retry") files.again(upload);
    else if (what === "dismiss") li.remove();
    else if (what === "cancel") files.cancel(upload);
  }

  /**
   * Removes a finished upload's line at the moment when the recording's own line comes, so that nothing jumps.
   * @param {HTMLElement} li
   */
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
