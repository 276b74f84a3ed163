// The base class of the page's elements: when an element leaves the page, its listeners are removed.

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

  /** For subclasses. Called each time the element is put into the page. */
  connect() {}

  /** For subclasses that have more to end than listeners. Called each time the element leaves the page. */
  disconnect() {}

  /**
   * The first element inside this one that matches `selector`. Throws if there is none.
   * @template {Element} [E=HTMLElement]
   * @param {string} selector
   * @param {new () => E} [type] the part's class, HTMLElement unless given
   */
  find(selector, type) {
    return find(this, selector, type);
  }

  /**
   * Listens to an event of page-events.js until the element leaves the page.
   * @template {keyof PageEvents} Name
   * @param {Name} name
   * @param {(detail: PageEvents[Name]) => void} act
   */
  on(name, act) {
    on(name, act, this.signal);
  }

  /**
   * Listens to any other event until the element leaves the page.
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: any) => void} act
   * @param {AddEventListenerOptions} [options]
   */
  listen(target, type, act, options) {
    target.addEventListener(type, act, { ...options, signal: this.signal });
  }
}
