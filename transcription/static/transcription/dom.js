// Finds elements and their `data-…` attributes. Throws where a template lacks one, so that the error names it.

/**
 * The first element below `root` that matches `selector`.
 * @template {Element} [E=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => E} [type] the element's class, HTMLElement unless given
 * @returns {E}
 */
export function find(root, selector, type) {
  const found = root.querySelector(selector);
  if (found instanceof (type ?? HTMLElement)) return /** @type {E} */ (found);
  throw new Error(`The template has no ${selector}.`);
}

/**
 * All elements below `root` that match `selector`.
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function findAll(root, selector) {
  return [...root.querySelectorAll(selector)].filter((one) => one instanceof HTMLElement);
}

/**
 * The element that matches `selector` at or around the target of an event; null if there is none.
 * @param {EventTarget | null} target
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function closest(target, selector) {
  const found = target instanceof Element ? target.closest(selector) : null;
  return found instanceof HTMLElement ? found : null;
}

/**
 * A `data-…` attribute that the template always writes.
 * @param {HTMLElement} element
 * @param {string} name in camel case, as in `dataset`
 */
export function data(element, name) {
  const value = element.dataset[name];
  if (value === undefined) throw new Error(`<${element.localName}> has no data attribute ${name}.`);
  return value;
}

/**
 * A copy of the one element in a `<template>`.
 * @param {HTMLTemplateElement} template
 */
export function copyOf(template) {
  return /** @type {HTMLElement} */ (find(template.content, "*").cloneNode(true));
}

/**
 * A CSS Custom Highlight, to which ranges of text can be added; null if the browser has none.
 * @param {string} name as the style sheet has it
 */
export function highlightNamed(name) {
  if (!globalThis.Highlight || !CSS.highlights) return null;
  const highlight = new Highlight();
  CSS.highlights.set(name, highlight);
  return highlight;
}
