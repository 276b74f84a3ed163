// Files on their way to the server, in parts (the tus protocol): what the server has confirmed is never sent again,
// not after a cut, and not after a reload once the same file is chosen again.

import "./vendor/tus/tus-4.3.1.js";
import { Backoff } from "./backoff.js";
import { dispatch } from "./page-events.js";
import { csrfToken, tellSignedOut, uuid } from "./server.js";

const AT_ONCE = 2;
const PART = 4 * 1024 * 1024; // bytes; what a cut may cost
const FIRST_PAUSE = 1000; // ms
const LONGEST_PAUSE = 60000; // ms
const PASSING = [401, 403, 408, 423, 425, 429]; // not the file's fault

// One file. `state`: queued, uploading, finishing, waiting (to go on), failed (refused for good), done, cancelled.
// `sent`: the part of it that the server has confirmed, 0 to 1. Says "change" whenever something is new.
export class FileUpload extends EventTarget {
  state = "queued";
  sent = 0;
  refusal = ""; // the server's sentence, or "large"
  pauses = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);

  constructor(file) {
    super();
    Object.assign(this, { file, name: file.name });
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  get over() {
    return ["done", "failed", "cancelled"].includes(this.state);
  }
}

class FileUploads extends EventTarget {
  uploads = [];
  url = "";
  maxBytes = Infinity;

  add(file) {
    const upload = new FileUpload(file);
    this.uploads.push(upload);
    if (file.size > this.maxBytes) {
      upload.refusal = "large";
      upload.state = "failed";
    }
    this.dispatchEvent(new CustomEvent("added", { detail: upload }));
    this.next();
  }

  // Whether closing the page would break something off.
  get busy() {
    return this.uploads.some((upload) => !upload.over);
  }

  next() {
    this.uploads = this.uploads.filter((upload) => !["done", "cancelled"].includes(upload.state));
    const running = this.uploads.filter((upload) => ["uploading", "finishing"].includes(upload.state));
    const queued = this.uploads.filter((upload) => upload.state === "queued");
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

  // What came so far is thrown away here and there. Without a connection the server does so by itself, later.
  cancel(upload) {
    clearTimeout(upload.timer);
    upload.become("cancelled");
    upload.tus?.abort(true).catch(() => {});
    this.next();
  }

  async send(upload) {
    upload.become("uploading");
    if (!upload.tus) {
      upload.tus = this.tus(upload);
      const [before] = await upload.tus.findPreviousUploads();
      if (before) upload.tus.resumeFromPreviousUpload(before);
    }
    if (upload.state === "uploading") upload.tus.start();
  }

  tus(upload) {
    const { file } = upload;
    return new globalThis.tus.Upload(file, {
      endpoint: this.url,
      chunkSize: PART,
      retryDelays: null, // our own pauses, which never end
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name, client_id: uuid() },
      fingerprint: async () => ["mico", this.url, file.name, file.size, file.lastModified].join(" "),
      onBeforeRequest: (request) => {
        request.setHeader("X-Requested-With", "fetch");
        request.setHeader("X-CSRFToken", csrfToken());
      },
      onAfterResponse: (_request, response) => this.heard(upload, response),
      onProgress: (sent, total) => sent === total && upload.state === "uploading" && upload.become("finishing"),
      onSuccess: () => {
        upload.become("done");
        dispatch("mico:uploaded", upload.recording);
        this.next();
      },
      onError: (error) => this.broken(upload, error),
    });
  }

  heard(upload, response) {
    const status = response.getStatus();
    // The client would take it for an upload that is gone, and begin another.
    if (status === 401 || status === 403) {
      tellSignedOut();
      throw new SignedOut();
    }
    if (status >= 300) return;
    upload.pauses.reset();
    upload.recording = Number(response.getHeader("Mico-Recording")) || null;
    upload.sent = Number(response.getHeader("Upload-Offset")) / upload.file.size;
    if (!upload.over) upload.become("uploading");
  }

  broken(upload, error) {
    if (upload.state === "cancelled") return;
    const response = error.originalResponse;
    const status = response?.getStatus() ?? 0;
    const refusal = status ? refused(response.getBody()) : {};
    // "wrong_offset": another tab sends the same file, or an answer was lost; HEAD says where it stands.
    if (status >= 400 && status < 500 && !PASSING.includes(status) && refusal.code !== "wrong_offset") {
      upload.refusal = refusal.message ?? "";
      upload.become("failed");
    } else {
      upload.timer = setTimeout(() => this.again(upload), upload.pauses.next());
      upload.become("waiting");
    }
    this.next();
  }
}

class SignedOut extends Error {}

// {code, message} of the API's errors.
function refused(body) {
  try {
    return JSON.parse(body).error ?? {};
  } catch {
    return {}; // a proxy's page
  }
}

export const files = new FileUploads();
