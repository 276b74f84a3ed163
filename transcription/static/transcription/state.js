// Shows what a template has ready: the parts for a state, and sentences with values.

import { data, findAll } from "./dom.js";

/**
 * Sets `data-state`, and shows only those `[data-when="a b"]` parts of the element that name the state.
 * @param {HTMLElement} element
 * @param {string} state
 */
export function setState(element, state) {
  if (element.dataset.state === state && element.dataset.shown === "") return;
  element.dataset.state = state;
  element.dataset.shown = ""; // tells a state that was set here from one that the template has
  for (const part of findAll(element, "[data-when]")) {
    part.hidden = !data(part, "when").split(" ").includes(state);
  }
}

/**
 * Puts values into a sentence of the template: `fill("Next try in {time}.", { time: "5 s" })`.
 * @param {string} sentence
 * @param {Record<string, string | number>} values
 */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Sets an element's text if it is different, since a screen reader reads a live region again each time it is set.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Shows the notice of a problem: the server's sentence or, without one, the template's own (`data-text`).
 * @param {HTMLElement} notice
 * @param {string} [sentence]
 */
export function showProblem(notice, sentence) {
  notice.textContent = sentence || data(notice, "text");
  notice.hidden = false;
}
