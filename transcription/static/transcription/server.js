// Requests to Mico's own server, with the session and the CSRF token. Every request of the page's scripts is made here,
// so that the whole page is told when the session is over.

import { dispatch } from "./page-events.js";

export class RequestFailed extends Error {
  /**
   * @param {number} status of HTTP
   * @param {string} [sentence] the server's reason, for people and in their language; "" if it gave none
   */
  constructor(status, sentence = "") {
    super(sentence || `status ${status}`);
    this.status = status;
    this.sentence = sentence;
  }
}

/**
 * The server's reason for an error, for people; "" if there is none.
 * @param {unknown} error
 */
export function sentenceOf(error) {
  return error instanceof RequestFailed ? error.sentence : "";
}

export function csrfToken() {
  return /(?:^|; )csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? "";
}

/** A random UUID. `crypto.randomUUID` exists on secure pages only; files can be uploaded from others, too. */
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
 * The response, whatever its status. Throws TypeError without a connection and RequestFailed(401) without a session,
 * after telling the page.
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
 * A fragment of HTML. A form that is refused (422) is a fragment too.
 * @param {string} url
 * @param {{ method: "POST", body: FormData }} [form] what to post; a GET without it
 */
export async function fragment(url, form) {
  const response = await ask(url, form);
  if (!response.ok && response.status !== 422) throw new RequestFailed(response.status);
  return response.text();
}

/**
 * JSON, by GET.
 * @param {string} url
 */
export async function json(url) {
  const response = await ask(url);
  if (!response.ok) throw new RequestFailed(response.status);
  return response.json();
}

/**
 * Sends a request to the API, with `body` as JSON. Throws RequestFailed with the API's own sentence.
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
  const answer = await response.json().catch(() => null);
  throw new RequestFailed(response.status, answer?.error?.message);
}

/**
 * Puts a file of this site into the browser's cache. Without a connection it does nothing.
 * @param {string} url
 */
export function prefetch(url) {
  fetch(url).catch(() => {});
}
