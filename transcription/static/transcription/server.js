// Requests to Mico's own server, with the session and the CSRF token. The page's scripts make all their requests here
// (files excepted, see file-uploads.js), so that the whole page learns when the session is over: dispatches
// "mico:signed-out".

import { dispatch } from "./page-events.js";

export class RequestFailed extends Error {
  /**
   * @param {number} status of HTTP
   * @param {string} [sentence] the server's reason, in the reader's language; "" if it gave none
   */
  constructor(status, sentence = "") {
    super(sentence || `status ${status}`);
    this.status = status;
    this.sentence = sentence;
  }
}

/**
 * The server's reason for an error, in the reader's language; "" if it gave none.
 * @param {unknown} error
 */
export function sentenceOf(error) {
  return error instanceof RequestFailed ? error.sentence : "";
}

export function csrfToken() {
  return /(?:^|; )csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? "";
}

/** A random UUID. `crypto.randomUUID` exists only on secure pages, and files can be uploaded from others, too. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export function tellSignedOut() {
  dispatch("mico:signed-out");
}

/**
 * The response, whatever its status but 401. Throws TypeError without a connection. Without a session (401) it
 * dispatches "mico:signed-out" and throws RequestFailed.
 * @param {string} url
 * @param {RequestInit & { headers?: Record<string, string> }} [options]
 */
export async function ask(url, options = {}) {
  const headers = { "X-Requested-With": "fetch", ...options.headers };
  const response = await fetch(url, { credentials: "same-origin", ...options, headers });
  if (response.status === 401) {
    tellSignedOut();
    throw new RequestFailed(401);
  }
  return response;
}

/**
 * A fragment of HTML, parsed. An answer with status 422, a refused form, is one too. Throws as `ask` does, and
 * RequestFailed for any other error status.
 * @param {string} url
 * @param {{ method: "POST", body: FormData }} [form] what to post; a GET without it
 */
export async function fragment(url, form) {
  const response = await ask(url, form);
  if (!response.ok && response.status !== 422) throw new RequestFailed(response.status);
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  return template.content;
}

/**
 * JSON, by GET. Throws as `ask` does, and RequestFailed for an error status.
 * @param {string} url
 */
export async function json(url) {
  const response = await ask(url);
  if (!response.ok) throw new RequestFailed(response.status);
  return response.json();
}

/**
 * The JSON of a response of the API; null where it is no JSON, as a proxy's page, or the connection broke.
 * @param {Response} response
 * @returns {Promise<any>}
 */
export async function answerOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/**
 * Sends a request to the API, with `body` as JSON. Throws as `ask` does, and RequestFailed with the API's sentence for
 * an error status.
 * @param {"POST" | "PATCH"} method
 * @param {string} url
 * @param {object} [body]
 */
export async function send(method, url, body) {
  const response = await ask(url, {
    method,
    headers: { "X-CSRFToken": csrfToken(), ...(body && { "Content-Type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (response.ok) return;
  const answer = await answerOf(response);
  throw new RequestFailed(response.status, answer?.error?.message);
}

/**
 * Fetches a file of this site, so that the browser has it in its cache. A failure is ignored.
 * @param {string} url
 */
export function prefetch(url) {
  fetch(url).catch(() => {});
}
