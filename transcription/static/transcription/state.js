// What an element is just now, in words that the template has.

import { data, findAll } from "./dom.js";

/**
 * Sets `data-state` and shows those of the element's `[data-when="a b"]` parts that name the state.
 * @param {HTMLElement} element
 * @param {string} state
 */
export function setState(element, state) {
  if (element.dataset.state === state && element.dataset.shown === "") return;
  element.dataset.state = state;
  element.dataset.shown = "";
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
