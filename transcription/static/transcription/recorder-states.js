// The states of <mico-recorder>. Its template has a sentence for each.

/**
 * `press`: what a press on the button does; null: nothing. `busy`: closing the page would lose sound, and the button
 * reads Stop. Each state after "stopping" is a reason why the recorder has stopped or did not start.
 * @type {Record<string, { press: "start" | "stop" | null, busy: boolean }>}
 */
export const RECORDER_STATES = {
  idle: { press: "start", busy: false },
  asking: { press: null, busy: false },
  recording: { press: "stop", busy: true },
  stopping: { press: null, busy: true },
  denied: { press: "start", busy: false },
  "no-device": { press: "start", busy: false },
  "not-connected": { press: "start", busy: false },
  busy: { press: "start", busy: false },
  incomplete: { press: "start", busy: false },
  insecure: { press: "start", busy: false },
  unsupported: { press: "start", busy: false },
  "device-lost": { press: "start", busy: false },
  nothing: { press: "start", busy: false },
};
