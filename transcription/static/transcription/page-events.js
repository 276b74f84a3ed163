// The events by which the modules of a page inform each other, each with its dispatchers and its listeners. All are
// dispatched on the document.
//
// Messages of the socket, unchanged (`mico:` and the message's `type`; `transcription/events.py` defines them):
//
//   mico:snapshot: the current state of everything
//     mico-socket → mico-delay, mico-ended, mico-estimate, mico-people, mico-player, mico-recorder, mico-service,
//                   mico-transcript, mico-uploader, mico-vendor, outbox
//   mico:recording.changed: a recording has a new status, or other lines, or (with its old version) more of it is done
//     mico-socket → mico-estimate, mico-player, mico-recorder, mico-search, mico-transcript
//   mico:stt.delayed, mico:stt.moved, mico:stt.resumed: the gate closed, stays closed, opened
//     mico-socket → mico-delay, mico-estimate, mico-vendor
//   mico:participant.changed: somebody came, left or got another name
//     mico-socket → mico-people
//   mico:attendance.changed: who is here, or who records
//     mico-socket → mico-people
//   mico:meeting.changed: the meeting was ended, reopened or deleted
//     mico-socket → mico-ended
//
// The page's own:
//
//   mico:signed-out: the session is over
//     server → mico-socket, mico-vendor
//   mico:signed-in: there is a session again
//     outbox → mico-socket
//   mico:recording: this page records, or has stopped; repeated every second while it records
//     mico-recorder → mico-socket
//   mico:ended: the meeting was ended or reopened
//     mico-ended → mico-recorder
//   mico:uploaded: the server has made a recording of what this browser sent; the detail is its id
//     file-uploads, mico-outbox → mico-player, mico-transcript
//   mico:lines: the lines on the page changed
//     mico-transcript → mico-delay, mico-estimate, mico-people, mico-player, mico-search, mico-service, mico-uploader
//   mico:show-line: bring this line into view, and into the window if it is not there
//     mico-search, reading-along → mico-transcript
//   mico:play: play this recording from a moment (ms) on
//     scripts outside → mico-player
//   mico:service: the gate closed, or opened
//     mico-delay → mico-service

/**
 * The state of the gate, as far as it concerns this page. Times are ISO 8601.
 * @typedef {object} SttState
 * @property {string} pool the pool that is closed; "" if it is the whole account, or nothing is
 * @property {"open" | "blocked" | "probing" | "held"} state
 * @property {"all" | "submit" | null} scope what is delayed; null while the gate is open
 * @property {string | null} reason
 * @property {string | null} since
 * @property {string | null} reopens_at
 * @property {string} note
 * @property {number} version
 * @property {string} now the server's clock
 */

/**
 * The participants (ids) who have the meeting open, and those who are recording.
 * @typedef {{ version: number, here: number[], recording: number[] }} Attendance
 */

/**
 * The outlook of each recording whose transcription has no outcome yet: its place in the queue, and the seconds until
 * its words are there. Null means unknown.
 * @typedef {Record<string, { queue_position: number | null, eta_s: number | null }>} Outlooks
 */

/**
 * What a new connection gets first. The console of a vendor gets only `stt` and `presence`. Null means unknown, because
 * Redis is not reachable.
 * @typedef {object} Snapshot
 * @property {SttState | null} stt
 * @property {{ workers: number, dispatchers: number } | null} presence how many of each are alive
 * @property {number} version of the meeting and its people
 * @property {"open" | "ended"} state
 * @property {Attendance | null} attendance
 * @property {Record<string, number>} recordings each recording's version
 * @property {Outlooks} outlook
 * @property {Record<string, number>} progress how much of each recording is done, in ms; only of those that tell it
 */

/**
 * The type of each event's detail.
 * @typedef {{
 *   "mico:snapshot": Snapshot,
 *   "mico:recording.changed": { recording: number, version: number, status: string, progress_ms: number | null },
 *   "mico:stt.delayed": SttState,
 *   "mico:stt.moved": SttState,
 *   "mico:stt.resumed": SttState,
 *   "mico:participant.changed": { version: number },
 *   "mico:attendance.changed": Attendance,
 *   "mico:meeting.changed": { version: number, state: "open" | "ended" | "deleted" },
 *   "mico:signed-out": null,
 *   "mico:signed-in": null,
 *   "mico:recording": { recording: boolean },
 *   "mico:ended": { ended: boolean },
 *   "mico:uploaded": number,
 *   "mico:lines": null,
 *   "mico:show-line": { recording: number, position: number },
 *   "mico:play": { recording: number, ms: number },
 *   "mico:service": "delayed" | "working",
 * }} PageEvents
 */

/** The three events of the gate. */
export const GATE_EVENTS = /** @type {const} */ (["mico:stt.delayed", "mico:stt.moved", "mico:stt.resumed"]);

/**
 * Dispatches an event. Its detail is left out where PageEvents says null.
 * @type {<Name extends keyof PageEvents>(name: Name, ...detail: PageEvents[Name] extends null ? [] :
 *   [PageEvents[Name]]) => void}
 */
export const dispatch = (name, ...[detail]) => {
  document.dispatchEvent(new CustomEvent(name, { detail }));
};

/**
 * Calls `act` with the detail of every event of this name, until `signal` aborts.
 * @template {keyof PageEvents} Name
 * @param {Name} name
 * @param {(detail: PageEvents[Name]) => void} act
 * @param {AbortSignal} [signal]
 */
export function on(name, act, signal) {
  const listener = (/** @type {Event} */ event) => act(/** @type {CustomEvent<PageEvents[Name]>} */ (event).detail);
  document.addEventListener(name, listener, { signal });
}
