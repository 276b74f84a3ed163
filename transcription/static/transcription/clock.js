// The server's clock. A browser's own may be wrong by minutes; countdowns and offsets go by the server's.

let ahead = 0; // ms that the server is ahead of this browser

export function setClock(serverNow) {
  const then = Date.parse(serverNow);
  if (Number.isFinite(then)) ahead = then - Date.now();
}

export function serverNow() {
  return Date.now() + ahead;
}

// A first guess, from when the page was made; the first message on the socket corrects it.
const page = document.querySelector("#meeting[data-now]");
const navigation = performance.getEntriesByType("navigation")[0];
if (page && navigation) {
  const received = performance.timeOrigin + navigation.responseStart;
  ahead = Date.parse(page.dataset.now) - received;
}
