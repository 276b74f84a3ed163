// Requests to our own server, with the session and the CSRF token. A lost session is told to the whole page.

export class RequestFailed extends Error {
  constructor(status, message = "") {
    super(message || `status ${status}`);
    this.status = status;
    this.sentence = message; // for people, in their language; empty if the server said nothing
  }
}

export function csrfToken() {
  return /(?:^|; )csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? "";
}

// randomUUID is only there on secure pages, and files can be uploaded from others too.
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export function tellSignedOut() {
  document.dispatchEvent(new CustomEvent("mico:signed-out"));
}

// The answer, whatever its status; throws TypeError without a connection, RequestFailed(401) without a session.
async function ask(url, options = {}) {
  const response = await fetch(url, {
    credentials: "same-origin",
    ...options,
    headers: { "X-Requested-With": "fetch", ...options.headers },
  });
  if (response.status === 401) {
    tellSignedOut();
    throw new RequestFailed(401);
  }
  return response;
}

// HTML of a fragment. A refused form (422) comes back as a fragment too.
export async function fragment(url, options) {
  const response = await ask(url, options);
  if (!response.ok && response.status !== 422) throw new RequestFailed(response.status);
  return response.text();
}

// POST to the API; its JSON. Throws RequestFailed with the API's own sentence.
export function post(url) {
  return send("POST", url);
}

// As post, with another method and a body, as JSON.
export async function send(method, url, body) {
  const headers = { "X-CSRFToken": csrfToken(), ...(body && { "Content-Type": "application/json" }) };
  const response = await ask(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new RequestFailed(response.status, answer?.error?.message ?? "");
  return answer;
}
