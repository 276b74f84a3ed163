// Sends one stretch of speech to the server, once. It can safely be sent again: the server knows its `client_id` and
// makes no second recording of it. outbox.js decides when to try.

import { answerOf, ask, csrfToken, RequestFailed, tellSignedOut } from "./server.js";
import { wav } from "./wav.js";

/** @import { Stretch } from "./outbox-store.js" */

export const RATE = 16000; // Hz, of everything that is stored and sent
const WITHIN = 120000; // ms; the longest stretch is 640 kB

/**
 * The outcome of the try. `sent`: the recording's id. `refused`: the server's sentence, "" if it gave none. `cause`:
 * why it has to wait ("offline", "server", "no-room", "signed-out", "other-user" or "not-here"); `after`: the ms that the server
 * asked for.
 * @typedef {{ sent: number } | { refused: string } | { cause: string, after?: number }} Outcome
 */

/**
 * @param {Stretch} stretch
 * @param {Int16Array<ArrayBuffer>[]} sound its samples at RATE, one part after the other
 * @returns {Promise<Outcome>}
 */
export async function handIn(stretch, sound) {
  const form = new FormData();
  form.append("client_id", stretch.id);
  form.append("kind", "live");
  form.append("offset_ms", String(stretch.offsetMs));
  if (stretch.goesOn) form.append("goes_on", "true");
  form.append("audio", wav(sound, RATE), `${fileName(stretch)}.wav`);
  let response;
  try {
    response = await ask(stretch.url, {
      method: "POST",
      body: form,
      // If another person has signed in since, in another tab, the server must not take these words for theirs.
      headers: { "X-CSRFToken": csrfToken(), "X-Mico-Participant": stretch.speaker },
      signal: AbortSignal.timeout(WITHIN),
    });
  } catch (error) {
    return { cause: error instanceof RequestFailed ? "signed-out" : "offline" };
  }
  const answer = await answerOf(response);
  // Only the server itself can confirm this id. A proxy or a hotel's login page may answer 200, too.
  if (response.ok) return answer?.client_id === stretch.id ? { sent: answer.id } : { cause: "server" };
  if (answer?.error?.code === "other_user") return { cause: "other-user" };
  if (response.status === 404) return { cause: "not-here" }; // the person signed in now is not in this meeting
  if (response.status === 403) {
    tellSignedOut();
    return { cause: "signed-out" };
  }
  if (response.status < 500 && ![408, 425, 429].includes(response.status)) {
    return { refused: answer?.error?.message ?? "" };
  }
  return {
    cause: response.status === 507 ? "no-room" : "server",
    after: 1000 * Number(response.headers.get("Retry-After")) || 0,
  };
}

/**
 * A file name without its ending: "Weekly 0-12-05" has the meeting's title and when the stretch begins in the meeting.
 * @param {Pick<Stretch, "title" | "offsetMs">} stretch
 */
export function fileName({ title, offsetMs }) {
  const seconds = Math.floor(offsetMs / 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const time = `${Math.floor(seconds / 3600)}-${two(Math.floor(seconds / 60) % 60)}-${two(seconds % 60)}`;
  return `${title.replaceAll(/[\\/:*?"<>|\p{Cc}]/gu, "-")} ${time}`;
}
