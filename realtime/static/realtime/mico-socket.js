// <mico-socket>: the page's connection. It hands every message on as an event of the document (`mico:` + type),
// comes back by itself with growing, scattered pauses, and has a notice of its own while it is away.

import { setState } from "../transcription/state.js";

const FIRST_PAUSE = 500; // ms
const LONGEST_PAUSE = 20000;
const PATIENCE = 1000; // ms without a connection until people are told
const LOOK_WHILE_LIVE = 20000; // ms between two looks at the whole state: messages may be lost
const LOOK = 60000;
const ANSWER_WITHIN = 10000; // ms until a silent connection counts as dead

const NOT_SIGNED_IN = 4401;
const NOT_ALLOWED = 4404;

class MicoSocket extends HTMLElement {
  tries = 0;

  connectedCallback() {
    this.listening = new AbortController();
    const signal = this.listening.signal;
    window.addEventListener("online", () => this.hurry(), { signal });
    window.addEventListener("pagehide", () => this.leave(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.connect(), { signal });
    document.addEventListener("visibilitychange", () => !document.hidden && this.hurry(), { signal });
    document.addEventListener("mico:signed-out", () => this.end("signed-out"), { signal });
    this.connect();
  }

  disconnectedCallback() {
    this.listening.abort();
    this.drop();
  }

  connect() {
    this.drop();
    const url = new URL(this.dataset.url, window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => this.socket === socket && this.receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => this.socket === socket && this.closed(code));
    this.deadline = setTimeout(() => this.closed(), ANSWER_WITHIN);
  }

  receive(message) {
    clearTimeout(this.deadline);
    this.deadline = null;
    if (message.type === "snapshot") {
      this.tries = 0;
      clearTimeout(this.telling);
      this.telling = null;
      setState(this, "open");
      this.lookedAt = Date.now();
      this.lookLater();
    }
    document.dispatchEvent(new CustomEvent(`mico:${message.type}`, { detail: message }));
  }

  closed(code) {
    this.drop();
    if (code === NOT_SIGNED_IN) return this.end("signed-out");
    if (code === NOT_ALLOWED) return this.end("refused");
    this.telling ??= setTimeout(() => setState(this, "lost"), PATIENCE);
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.tries++);
    // Scattered, so that a restart of the server is not met by everybody at once.
    this.again = setTimeout(() => this.connect(), longest * (0.5 + Math.random() / 2));
  }

  // Nothing that trying again would help against. Who signs in again in another tab comes back to this one.
  end(state) {
    this.drop();
    clearTimeout(this.telling);
    this.telling = null;
    setState(this, state);
  }

  drop() {
    for (const timer of [this.again, this.deadline, this.looking]) clearTimeout(timer);
    this.deadline = null;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  // An open connection keeps a page out of the browser's memory of pages; one that is not open yet ends by itself.
  leave() {
    if (this.socket?.readyState !== WebSocket.OPEN) this.socket = null;
    this.drop();
  }

  // Somebody looks at the page again, or the network is back: no reason to wait for the next turn.
  hurry() {
    if (this.dataset.state === "refused") return;
    if (this.socket?.readyState === WebSocket.OPEN) this.look();
    else if (this.socket?.readyState !== WebSocket.CONNECTING) this.connect();
  }

  lookLater() {
    clearTimeout(this.looking);
    const live = document.querySelector("#transcript [data-live], #meeting[data-delayed], #meeting[data-idle]");
    this.looking = setTimeout(() => this.look(), live ? LOOK_WHILE_LIVE : LOOK);
  }

  look() {
    if (Date.now() - this.lookedAt < 3000 || this.deadline) return;
    this.socket.send(JSON.stringify({ type: "snapshot" }));
    this.deadline = setTimeout(() => this.closed(), ANSWER_WITHIN);
  }
}

customElements.define("mico-socket", MicoSocket);
