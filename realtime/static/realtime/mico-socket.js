// <mico-socket>: the page's connection. It hands every message on as an event of the document (`mico:` + type),
// comes back by itself with growing, scattered pauses, and has a notice of its own while it is away.
//
// Whoever records dispatches `mico:recording` on the document, with detail {recording: true} or {recording: false}, when
// it begins and when it ends: the socket says so to the meeting, and says it again after it was away.

import { Backoff } from "../transcription/backoff.js";
import { PageElement } from "../transcription/page-element.js";
import { dispatch } from "../transcription/page-events.js";
import { setState } from "../transcription/state.js";

const FIRST_PAUSE = 500; // ms
const LONGEST_PAUSE = 20000; // ms
const PATIENCE = 1000; // ms without a connection until people are told
const LOOK_WHILE_LIVE = 20000; // ms between two looks at the whole state: messages may be lost
const LOOK = 60000;
const ANSWER_WITHIN = 10000; // ms until a silent connection counts as dead

const NOT_SIGNED_IN = 4401;
const NOT_ALLOWED = 4404;
const DELETED = 4410;

class MicoSocket extends PageElement {
  pauses = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
  recording = false;
  greeted = false; // whether this connection had its first snapshot

  connect() {
    this.listen(window, "online", () => this.hurry());
    this.listen(window, "pagehide", () => this.leave());
    this.listen(window, "pageshow", (event) => event.persisted && this.open());
    this.listen(document, "visibilitychange", () => !document.hidden && this.hurry());
    this.on("mico:recording", ({ recording }) => this.sayRecording(recording));
    this.on("mico:signed-out", () => this.end("signed-out"));
    this.on("mico:signed-in", () => this.hurry());
    this.open();
  }

  disconnect() {
    this.drop();
  }

  open() {
    this.drop();
    const url = new URL(this.dataset.url, window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    this.greeted = false;
    socket.addEventListener("message", ({ data }) => this.socket === socket && this.receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => this.socket === socket && this.closed(code));
    this.deadline = setTimeout(() => this.closed(), ANSWER_WITHIN);
  }

  receive(message) {
    clearTimeout(this.deadline);
    this.deadline = null;
    if (message.type === "snapshot") {
      this.pauses.reset();
      if (!this.greeted && this.recording) this.say({ type: "recording", recording: true });
      this.greeted = true;
      clearTimeout(this.telling);
      this.telling = null;
      setState(this, "open");
      this.lookedAt = Date.now();
      this.lookLater();
    }
    dispatch(/** @type {any} */ (`mico:${message.type}`), message);
  }

  closed(code) {
    this.drop();
    // A session gets another key when somebody signs in or joins in another tab: coming back with it tells.
    if (code === NOT_SIGNED_IN && !this.greeted) return this.end("signed-out");
    if (code === DELETED) return this.end("deleted");
    if (code === NOT_ALLOWED) return this.end("refused");
    this.telling ??= setTimeout(() => setState(this, "lost"), PATIENCE);
    this.again = setTimeout(() => this.open(), this.pauses.next());
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
    if (["refused", "deleted"].includes(this.dataset.state)) return;
    if (this.socket?.readyState === WebSocket.OPEN) this.look();
    else if (this.socket?.readyState !== WebSocket.CONNECTING) this.open();
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  sayRecording(recording) {
    if (recording === this.recording) return;
    this.recording = recording;
    if (this.greeted && this.socket?.readyState === WebSocket.OPEN) this.say({ type: "recording", recording });
  }

  lookLater() {
    clearTimeout(this.looking);
    const live = document.querySelector("#transcript [data-live], #meeting[data-delayed], #meeting[data-idle]");
    this.looking = setTimeout(() => this.look(), live ? LOOK_WHILE_LIVE : LOOK);
  }

  look() {
    // Either way: somebody may have set the computer's clock.
    if (Math.abs(Date.now() - this.lookedAt) < 3000 || this.deadline) return;
    this.say({ type: "snapshot" });
    this.deadline = setTimeout(() => this.closed(), ANSWER_WITHIN);
  }
}

customElements.define("mico-socket", MicoSocket);
