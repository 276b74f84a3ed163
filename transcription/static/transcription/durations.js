// Durations and times as people say them, in the page's language.

export const language = regional(document.documentElement.lang || "en");

const unit = (name) =>
  new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long", maximumFractionDigits: 0 });
const seconds = unit("second");
const minutes = unit("minute");
const hours = unit("hour");
const clockTime = new Intl.DateTimeFormat(language, { timeStyle: "short" });

// The page's language in the reader's own manner: somebody in London reads 14:02, and 23 Nov.
function regional(page) {
  return navigator.languages.find((own) => own.split("-")[0] === page) ?? page;
}

// "12 seconds", "2 minutes 5 seconds", "1 hour 10 minutes"
export function spoken(ms) {
  const total = Math.max(0, Math.ceil(ms / 1000));
  if (total < 60) return seconds.format(total);
  if (total >= 600 && total < 3600) return minutes.format(Math.ceil(total / 60));
  if (total < 3600) return pair(minutes, Math.floor(total / 60), seconds, total % 60);
  return pair(hours, Math.floor(total / 3600), minutes, Math.floor((total % 3600) / 60));
}

function pair(large, a, small, b) {
  return b ? `${large.format(a)} ${small.format(b)}` : large.format(a);
}

// "0:05", "1:02:03", as on a recorder
export function ticking(ms) {
  const total = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(total / 3600);
  const m = Math.floor((total % 3600) / 60);
  return h ? `${h}:${two(m)}:${two(total % 60)}` : `${m}:${two(total % 60)}`;
}

// "14:02", in the reader's zone
export function timeOfDay(date) {
  return clockTime.format(date);
}

export function percent(part) {
  return new Intl.NumberFormat(language, { style: "percent" }).format(part);
}
