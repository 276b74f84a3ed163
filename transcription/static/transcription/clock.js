// The server's clock, for countdowns and for the times of recordings. The computer's own clock may be minutes off, and
// somebody may set it during a meeting. Between two messages of the server, the browser's monotonic clock carries it
// on.

import { data } from "./dom.js";

/** By how much the server's clock is ahead of `steady`, in ms. */
let ahead = 0;

/** A time in ms that only runs forward. */
function steady() {
  return performance.timeOrigin + performance.now();
}

/**
 * @param {string} now the server's time, ISO 8601
 */
export function setClock(now) {
  const then = Date.parse(now);
  if (Number.isFinite(then)) ahead = then - steady();
}

/** The server's time, in ms since 1970. */
export function serverNow() {
  return steady() + ahead;
}

// An estimate until the socket's first message: the server rendered the page shortly before the browser got it.
const page = document.querySelector("#meeting[data-now]");
const [navigation] = performance.getEntriesByType("navigation");
if (page instanceof HTMLElement && navigation instanceof PerformanceNavigationTiming) {
  ahead = Date.parse(data(page, "now")) - (performance.timeOrigin + navigation.responseStart);
}
