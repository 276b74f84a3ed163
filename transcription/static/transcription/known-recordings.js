// The status and version of every recording of the meeting, whether or not its lines are in the window.
// mico-transcript.js fills the map; the other elements read it when they hear "mico:lines".

const UNDER_WAY = new Set(["queued", "submitting", "processing"]);

/** @type {Map<number, { version: number, status: string }>} by the recording's id */
export const known = new Map();

/**
 * The recordings whose transcription has no outcome yet, with their status.
 * @returns {Map<number, string>}
 */
export function underWay() {
  const all = [...known].map(([recording, { status }]) => /** @type {const} */ ([recording, status]));
  return new Map(all.filter(([, status]) => UNDER_WAY.has(status)));
}

/** @param {string} text see `parse` */
export function learn(text) {
  for (const [recording, version, status] of parse(text)) known.set(recording, { version, status });
}

/**
 * Reads a list of recordings as the templates write it: "12:3:done 13:1:queued" is recording 12 in version 3, …
 * @param {string} text
 * @returns {[recording: number, version: number, status: string][]}
 */
export function parse(text) {
  const items = text
    .split(" ")
    .filter(Boolean)
    .map((item) => item.split(":"));
  return items.map(([recording, version, status]) => [Number(recording), Number(version), status]);
}
