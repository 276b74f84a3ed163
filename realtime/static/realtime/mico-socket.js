// <mico-socket>: the page's connection. It dispatches every message of the server on the document, reconnects with
// growing random pauses, and shows a notice while there is no connection.
//
// Hears "mico:recording", "mico:signed-out" and "mico:signed-in"; dispatches the events of page-events.js that come
// from the socket. While this page records it tells the server so, and again after each reconnection.

import { Backoff } from "../transcription/backoff.js";
import { PageElement } from "../transcription/page-element.js";
import { dispatch } from "../transcription/page-events.js";
import { setState } from "../transcription/state.js";

const FIRST_PAUSE = 500; // ms
const LONGEST_PAUSE = 20000; // ms
const PATIENCE = 1000; // ms without a connection until the notice appears
const LOOK = 60000; // ms after which a snapshot is asked for, as messages may be lost
const LOOK_WHILE_LIVE = 20000; // ms, the same while something is under way
const LOOKED = 3000; // ms after a snapshot in which no other is asked for
const ANSWER_WITHIN = 10000; // ms until a connection without an answer counts as dead

// Codes with which the server closes a connection.
const NOT_SIGNED_IN = 4401;
const NOT_ALLOWED = 4404;
const DELETED = 4410;

class MicoSocket extends PageElement {
  pauses = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
  recording = false;
  greeted = false; // whether this connection has had its first snapshot
  /** @type {WebSocket | null} */
  socket = null;

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

  /** @param {{ type: string }} message */
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

  /** @param {number} [code] undefined: the server did not answer in time */
  closed(code) {
    this.drop();
    // When somebody signs in or joins in another tab, the session changes and the server closes this connection. Only a
    // new connection shows whether they are still signed in.
    if (code === NOT_SIGNED_IN && !this.greeted) return this.end("signed-out");
    if (code === DELETED) return this.end("deleted");
    if (code === NOT_ALLOWED) return this.end("refused");
    this.telling ??= setTimeout(() => setState(this, "lost"), PATIENCE);
    this.again = setTimeout(() => this.open(), this.pauses.next());
  }

  /**
   * Gives up: another try would end the same way. After "signed-out" the page reconnects once somebody has signed in.
   * @param {"signed-out" | "refused" | "deleted"} state
   */
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

  /** Closes an open connection: with one, the browser would not keep the page for the Back button (bfcache). */
  leave() {
    if (this.socket?.readyState !== WebSocket.OPEN) this.socket = null;
    this.drop();
  }

  /** Reconnects at once, or asks for a snapshot: somebody looks at the page again, or the network is back. */
  hurry() {
    if (["refused", "deleted"].includes(this.dataset.state)) return;
    if (this.socket?.readyState === WebSocket.OPEN) this.look();
    else if (this.socket?.readyState !== WebSocket.CONNECTING) this.open();
  }

  /** @param {{ type: string, recording?: boolean }} message */
  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  /** @param {boolean} recording */
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
    // `abs`, because somebody may have set the computer's clock back.
    if (Math.abs(Date.now() - this.lookedAt) < LOOKED || this.deadline) return;
    this.say({ type: "snapshot" });
    this.deadline = setTimeout(() => this.closed(), ANSWER_WITHIN);
  }
}

customElements.define("mico-socket", MicoSocket);
