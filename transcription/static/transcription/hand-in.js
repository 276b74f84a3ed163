// One try to hand a stretch of speech in. The server knows its `client_id`: sent twice, it is there once.

import { ask, csrfToken, RequestFailed, tellSignedOut } from "./server.js";
import { wav } from "./wav.js";

export const RATE = 16000; // Hz, of everything that is kept and sent
const WITHIN = 120000; // ms; the longest stretch is 640 kB

/**
 * What became of the try. `cause`: not now, because of "offline", "server", "signed-out", "other-user" or "not-here";
 * `after`: the server said how many ms to wait.
 * @typedef {{ sent: number } | { refused: string } | { cause: string, after?: number }} Outcome
 */

/** @returns {Promise<Outcome>} */
export async function handIn(stretch, sound) {
  const form = new FormData();
  form.append("client_id", stretch.id);
  form.append("kind", "live");
  form.append("offset_ms", stretch.offsetMs);
  form.append("audio", wav(sound, RATE), `${fileName(stretch)}.wav`);
  let response;
  try {
    response = await ask(stretch.url, {
      method: "POST",
      body: form,
      // Somebody else may have signed in meanwhile, in another tab: the server must not take it for their words.
      headers: { "X-CSRFToken": csrfToken(), "X-Mico-Participant": stretch.speaker },
      signal: AbortSignal.timeout(WITHIN),
    });
  } catch (error) {
    return { cause: error instanceof RequestFailed ? "signed-out" : "offline" };
  }
  const answer = await response.json().catch(() => null); // a proxy's page, or a connection that broke
  if (response.ok) return answer?.client_id === stretch.id ? { sent: answer.id } : { cause: "server" };
  if (answer?.error?.code === "other_user") return { cause: "other-user" };
  if (response.status === 404) return { cause: "not-here" }; // this meeting is not for whoever is signed in now
  if (response.status === 403) {
    tellSignedOut();
    return { cause: "signed-out" };
  }
  if (response.status < 500 && ![408, 425, 429].includes(response.status)) {
    return { refused: answer?.error?.message ?? "" };
  }
  return { cause: "server", after: 1000 * Number(response.headers.get("Retry-After")) || 0 };
}

// "Weekly 0-12-05": where it begins in the meeting.
export function fileName({ title, offsetMs }) {
  const seconds = Math.floor(offsetMs / 1000);
  const two = (n) => String(n).padStart(2, "0");
  const time = `${Math.floor(seconds / 3600)}-${two(Math.floor(seconds / 60) % 60)}-${two(seconds % 60)}`;
  return `${title.replaceAll(/[\\/:*?"<>|\p{Cc}]/gu, "-")} ${time}`;
}
