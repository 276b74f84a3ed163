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
export async function post(url) {
  const response = await ask(url, { method: "POST", headers: { "X-CSRFToken": csrfToken() } });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new RequestFailed(response.status, answer?.error?.message ?? "");
  return answer;
}
