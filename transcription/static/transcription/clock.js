// The server's clock. The browser's own may be minutes off, and somebody may set it during a meeting. Countdowns and
// offsets use the server's, which a clock that only runs forward carries on between two messages.

import { data } from "./dom.js";

/** By how much the server's clock is ahead of `steady`, in ms. */
let ahead = 0;

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

// A first guess, from when the server rendered the page. The first message of the socket corrects it.
const page = document.querySelector("#meeting[data-now]");
const [navigation] = performance.getEntriesByType("navigation");
if (page instanceof HTMLElement && navigation instanceof PerformanceNavigationTiming) {
  ahead = Date.parse(data(page, "now")) - (performance.timeOrigin + navigation.responseStart);
}
