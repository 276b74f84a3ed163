// What goes to the server: one queue for what was recorded and for files. Each upload has an id of its own
// (client_id), so that sending it again after a lost answer makes no second recording.

import { csrfToken, tellSignedOut } from "./server.js";

const AT_ONCE = 2;
const FIRST_PAUSE = 1000; // ms
const LONGEST_PAUSE = 60000;
const STALLED = 60000; // ms without a byte going out
const ANSWER_WITHIN = 180000; // ms after the last byte: the server keeps and looks at the file

// randomUUID is only there on secure pages, and files can be uploaded from others too.
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// One file on its way. `state`: queued, uploading, finishing, waiting (to be sent again), failed (refused for good),
// done, cancelled. Says "change" whenever something about it is new.
export class Upload extends EventTarget {
  state = "queued";
  sent = 0; // 0 to 1
  refusal = ""; // the server's sentence, or "large"
  pause = FIRST_PAUSE;
  clientId = uuid();

  constructor({ blob, name, kind, offsetMs = null, durationMs = null }) {
    super();
    Object.assign(this, { blob, name, kind, offsetMs, durationMs });
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  get over() {
    return ["done", "failed", "cancelled"].includes(this.state);
  }

  form() {
    const form = new FormData();
    form.append("client_id", this.clientId);
    form.append("kind", this.kind);
    if (this.offsetMs !== null) form.append("offset_ms", this.offsetMs);
    form.append("audio", this.blob, this.name);
    return form;
  }
}

class Queue extends EventTarget {
  uploads = [];
  url = "";
  maxBytes = Infinity;

  add(parts) {
    const upload = new Upload(parts);
    this.uploads.push(upload);
    if (upload.blob.size > this.maxBytes) {
      upload.refusal = "large";
      upload.state = "failed";
    }
    this.dispatchEvent(new CustomEvent("added", { detail: upload }));
    this.next();
    return upload;
  }

  // Whether closing the page would lose something, or break it off.
  get busy() {
    return this.uploads.some((upload) => !upload.over);
  }

  // Starts what may start: what was spoken before files.
  next() {
    this.uploads = this.uploads.filter((upload) => !["done", "cancelled"].includes(upload.state));
    const running = this.uploads.filter((upload) => ["uploading", "finishing"].includes(upload.state));
    const queued = this.uploads.filter((upload) => upload.state === "queued");
    queued.sort((a, b) => (b.kind === "live") - (a.kind === "live"));
    for (const upload of queued.slice(0, Math.max(0, AT_ONCE - running.length))) this.send(upload);
  }

  // The network or the session is back: nothing has to wait for its turn.
  hurry() {
    for (const upload of this.uploads) if (upload.state === "waiting") this.again(upload);
  }

  again(upload) {
    clearTimeout(upload.timer);
    upload.become("queued");
    this.next();
  }

  cancel(upload) {
    clearTimeout(upload.timer);
    upload.become("cancelled");
    upload.request?.abort();
    this.next();
  }

  send(upload) {
    const request = new XMLHttpRequest();
    upload.request = request;
    upload.sent = 0;
    upload.become("uploading");
    let deadline = setTimeout(() => request.abort(), STALLED);
    const within = (ms) => {
      clearTimeout(deadline);
      deadline = setTimeout(() => request.abort(), ms);
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      within(STALLED);
      upload.sent = total ? loaded / total : 0;
      if (upload.state === "uploading") upload.become("uploading");
    });
    request.upload.addEventListener("load", () => {
      within(ANSWER_WITHIN);
      if (upload.state === "uploading") upload.become("finishing");
    });
    request.addEventListener("loadend", () => {
      clearTimeout(deadline);
      this.answered(upload, request);
    });
    request.open("POST", this.url);
    request.setRequestHeader("X-Requested-With", "fetch");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.send(upload.form());
  }

  answered(upload, request) {
    if (upload.state === "cancelled") return;
    upload.request = null;
    const { status } = request;
    let answer = null;
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // a proxy's page, or nothing at all
    }
    if (status >= 200 && status < 300 && answer) {
      upload.become("done");
      document.dispatchEvent(new CustomEvent("mico:uploaded", { detail: answer.id }));
    } else if (status >= 400 && status < 500 && ![401, 403, 408, 425, 429].includes(status)) {
      upload.refusal = answer?.error?.message ?? "";
      upload.become("failed");
    } else {
      if (status === 401 || status === 403) tellSignedOut();
      this.later(upload);
    }
    this.next();
  }

  later(upload) {
    upload.timer = setTimeout(() => this.again(upload), upload.pause * (0.75 + Math.random() / 2));
    upload.pause = Math.min(2 * upload.pause, LONGEST_PAUSE);
    upload.become("waiting");
  }
}

export const queue = new Queue();
