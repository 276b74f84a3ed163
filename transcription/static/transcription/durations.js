// Durations, times and percentages for people, in the language of the page.

/** The page's language with the reader's region, if the browser knows one: "en-GB" writes 14:02, plain "en" 2:02 PM. */
export const language = regional(document.documentElement.lang || "en");

const seconds = unit("second");
const minutes = unit("minute");
const hours = unit("hour");
const clockTime = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const percentage = new Intl.NumberFormat(language, { style: "percent" });

/** @param {string} page */
function regional(page) {
  return navigator.languages.find((own) => own.split("-")[0] === page) ?? page;
}

/** @param {string} name */
function unit(name) {
  return new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long", maximumFractionDigits: 0 });
}

/**
 * "12 seconds", "2 minutes 5 seconds", "1 hour 10 minutes".
 * @param {number} ms
 */
export function spoken(ms) {
  const total = Math.max(0, Math.ceil(ms / 1000));
  if (total < 60) return seconds.format(total);
  if (total >= 600 && total < 3600) return minutes.format(Math.ceil(total / 60));
  if (total < 3600) return pair(minutes.format(Math.floor(total / 60)), seconds, total % 60);
  return pair(hours.format(Math.floor(total / 3600)), minutes, Math.floor((total % 3600) / 60));
}

/**
 * @param {string} larger
 * @param {Intl.NumberFormat} unit
 * @param {number} rest
 */
function pair(larger, unit, rest) {
  return rest ? `${larger} ${unit.format(rest)}` : larger;
}

/**
 * "0:05", "1:02:03", as a recorder shows it.
 * @param {number} ms
 */
export function ticking(ms) {
  const total = Math.max(0, Math.floor(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const h = Math.floor(total / 3600);
  const m = Math.floor((total % 3600) / 60);
  return h ? `${h}:${two(m)}:${two(total % 60)}` : `${m}:${two(total % 60)}`;
}

/**
 * "14:02", in the reader's time zone.
 * @param {Date} date
 */
export function timeOfDay(date) {
  return clockTime.format(date);
}

/** @param {number} part 0 to 1 */
export function percent(part) {
  return percentage.format(part);
}
