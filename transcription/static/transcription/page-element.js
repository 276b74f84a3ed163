// The base of the page's elements: whatever an element listens to ends when it leaves the page.

import { find } from "./dom.js";
import { on } from "./page-events.js";

/** @import { PageEvents } from "./page-events.js" */

export class PageElement extends HTMLElement {
  #connected = new AbortController();

  /** Aborts when the element leaves the page. */
  get signal() {
    return this.#connected.signal;
  }

  connectedCallback() {
    this.#connected = new AbortController();
    this.connect();
  }

  disconnectedCallback() {
    this.#connected.abort();
    this.disconnect();
  }

  /** Called each time the element comes into the page: for subclasses. */
  connect() {}

  /** Called each time the element leaves the page: for subclasses that have more to end than listeners. */
  disconnect() {}

  /**
   * The element's own part that matches `selector`.
   * @template {Element} [E=HTMLElement]
   * @param {string} selector
   * @param {new () => E} [type] the part's class, HTMLElement unless given
   */
  find(selector, type) {
    return find(this, selector, type);
  }

  /**
   * Listens to an event of the page.
   * @template {keyof PageEvents} Name
   * @param {Name} name
   * @param {(detail: PageEvents[Name]) => void} act
   */
  on(name, act) {
    on(name, act, this.signal);
  }

  /**
   * Listens to an event of anything else.
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: any) => void} act
   * @param {AddEventListenerOptions} [options]
   */
  listen(target, type, act, options) {
    target.addEventListener(type, act, { ...options, signal: this.signal });
  }
}
