// The server's clock. A browser's own may be wrong by minutes, or be set while somebody speaks; countdowns and
// offsets go by the server's, and between two words from it by a clock that only runs forward.

let ahead = 0; // ms that the server is ahead of `steady`

function steady() {
  return performance.timeOrigin + performance.now();
}

export function setClock(serverNow) {
  const then = Date.parse(serverNow);
  if (Number.isFinite(then)) ahead = then - steady();
}

export function serverNow() {
  return steady() + ahead;
}

// A first guess, from when the page was made; the first message on the socket corrects it.
const page = document.querySelector("#meeting[data-now]");
const navigation = performance.getEntriesByType("navigation")[0];
if (page && navigation) {
  const received = performance.timeOrigin + navigation.responseStart;
  ahead = Date.parse(page.dataset.now) - received;
}
