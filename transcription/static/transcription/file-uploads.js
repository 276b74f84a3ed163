// The uploads of files, in parts (the tus protocol). A part that the server has confirmed is never sent again: not
// after the connection broke, and not after a reload, once the same file is chosen again.
//
// `files` has the events of FileUploads below. Dispatches "mico:uploaded".

import "./vendor/tus/tus-4.3.1.js";
import { Backoff } from "./backoff.js";
import { dispatch } from "./page-events.js";
import { csrfToken, tellSignedOut, uuid } from "./server.js";

const AT_ONCE = 2; // files
const PART = 4 * 1024 * 1024; // bytes; a broken connection costs no more than this
const FIRST_PAUSE = 1000; // ms
const LONGEST_PAUSE = 60000; // ms
const PASSING = [401, 403, 408, 423, 425, 429]; // statuses that are not the file's fault: it is sent again

/** @typedef {"queued" | "uploading" | "finishing" | "waiting" | "failed" | "done" | "cancelled"} UploadState */

/** One file. Dispatches "change" whenever its state or progress changes. */
export class FileUpload extends EventTarget {
  /** @type {UploadState} "finishing": all is sent; "waiting": for the next try; "failed": refused for good */
  state = "queued";
  /** The part of the file that the server has confirmed, 0 to 1. */
  sent = 0;
  /** Why it failed: the server's sentence, or "large". */
  refusal = "";
  /** Whether it waits because the server's disk is full. */
  noRoom = false;
  pauses = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
  /** @type {import("./vendor/tus/tus-4.3.1.js").TusUpload | undefined} */
  tus = undefined;
  /** @type {number | undefined} the timer of the next try */
  timer = undefined;
  /** The recording that the server made of it; 0 until then. */
  recording = 0;

  /** @param {File} file */
  constructor(file) {
    super();
    this.file = file;
    this.name = file.name;
  }

  /** @param {UploadState} state */
  become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  get over() {
    return ["done", "failed", "cancelled"].includes(this.state);
  }
}

/** All uploads of this page. Dispatches "added", with the new FileUpload as its detail. */
class FileUploads extends EventTarget {
  /** @type {FileUpload[]} */
  uploads = [];
  url = "";
  maxBytes = Infinity;

  /** @param {File} file */
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

  /** Whether closing the page would interrupt an upload. */
  get busy() {
    return this.uploads.some((upload) => !upload.over);
  }

  next() {
    this.uploads = this.uploads.filter((upload) => !["done", "cancelled"].includes(upload.state));
    const running = this.uploads.filter((upload) => ["uploading", "finishing"].includes(upload.state));
    const queued = this.uploads.filter((upload) => upload.state === "queued");
    for (const upload of queued.slice(0, Math.max(0, AT_ONCE - running.length))) this.send(upload);
  }

  /** Ends the pauses of all that wait, because the network or the session is back. */
  hurry() {
    for (const upload of this.uploads) if (upload.state === "waiting") this.again(upload);
  }

  /** @param {FileUpload} upload */
  again(upload) {
    clearTimeout(upload.timer);
    upload.become("queued");
    this.next();
  }

  /**
   * Discards what was sent, here and on the server. Without a connection the server does so itself, after some hours.
   * @param {FileUpload} upload
   */
  cancel(upload) {
    clearTimeout(upload.timer);
    upload.become("cancelled");
    upload.tus?.abort(true).catch(() => {});
    this.next();
  }

  /** @param {FileUpload} upload */
  async send(upload) {
    upload.become("uploading");
    if (!upload.tus) {
      upload.tus = this.tus(upload);
      const [before] = await upload.tus.findPreviousUploads();
      if (before) upload.tus.resumeFromPreviousUpload(before);
    }
    if (upload.state === "uploading") upload.tus.start(); // it may have been cancelled in the meantime
  }

  /** @param {FileUpload} upload */
  tus(upload) {
    const { file } = upload;
    return new globalThis.tus.Upload(file, {
      endpoint: this.url,
      chunkSize: PART,
      retryDelays: null, // `broken` makes the pauses, and never gives up
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
        // Without an id the page learns of the recording from the socket only.
        if (upload.recording) dispatch("mico:uploaded", upload.recording);
        this.next();
      },
      onError: (error) => this.broken(upload, error),
    });
  }

  /**
   * @param {FileUpload} upload
   * @param {import("./vendor/tus/tus-4.3.1.js").TusResponse} response
   */
  heard(upload, response) {
    const status = response.getStatus();
    // Without this error the tus client would take the upload for a deleted one, and begin it again.
    if (status === 401 || status === 403) {
      tellSignedOut();
      throw new SignedOut();
    }
    if (status >= 300) return;
    upload.pauses.reset();
    upload.recording = Number(response.getHeader("Mico-Recording")) || 0;
    upload.sent = Number(response.getHeader("Upload-Offset")) / upload.file.size;
    if (!upload.over) upload.become("uploading");
  }

  /**
   * @param {FileUpload} upload
   * @param {import("./vendor/tus/tus-4.3.1.js").TusError} error
   */
  broken(upload, error) {
    if (upload.state === "cancelled") return;
    const response = error.originalResponse;
    const status = response?.getStatus() ?? 0;
    upload.noRoom = status === 507;
    const refusal = status ? refused(response.getBody()) : {};
    // "wrong_offset": another tab sends the same file, or an answer was lost. The next try asks for the right offset.
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

/**
 * The API's error in a response's body.
 * @param {string} body
 * @returns {{ code?: string, message?: string }}
 */
function refused(body) {
  try {
    return JSON.parse(body).error ?? {};
  } catch {
    return {}; // a proxy's page
  }
}

export const files = new FileUploads();
