// <mico-player>: one player for the whole meeting. A press on a time or a line plays from there.

class MicoPlayer extends HTMLElement {
  connectedCallback() {
    this.audio = this.querySelector("audio");
    this.label = this.querySelector("[data-playing]");
    this.listening = new AbortController();
    const signal = this.listening.signal;
    document.querySelector("#transcript").addEventListener("click", (event) => this.pressed(event), { signal });
    document.addEventListener("mico:lines", () => this.mark(), { signal });
    for (const type of ["timeupdate", "play", "ended", "emptied"]) {
      this.audio.addEventListener(type, () => this.mark(), { signal });
    }
  }

  disconnectedCallback() {
    this.listening.abort();
  }

  pressed(event) {
    const line = event.target.closest(".line");
    const link = line?.querySelector("[data-play]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const onTime = event.target.closest("[data-play]");
    if (!onTime) {
      if (!event.target.closest("p.text")) return; // buttons and details keep their own meaning
      if (!window.getSelection().isCollapsed) return; // somebody marks words to copy them
    }
    event.preventDefault();
    this.play(line, link);
  }

  play(line, link) {
    const source = link.href.split("#")[0];
    const start = Number(line.dataset.start) / 1000;
    if (this.recording !== line.dataset.recording) {
      this.recording = line.dataset.recording;
      this.audio.src = start ? `${source}#t=${start}` : source;
    } else {
      this.audio.currentTime = start;
    }
    this.toggleAttribute("data-active", true);
    this.audio.play().catch(() => {}); // the player itself shows what it cannot play
    this.mark();
  }

  // The line that is heard now: the last one of its recording that has begun.
  mark() {
    let heard = null;
    if (this.recording && !this.audio.ended) {
      const now = this.audio.currentTime * 1000 + 50;
      for (const line of document.querySelectorAll(`#transcript [data-recording="${this.recording}"]`)) {
        if (!heard || Number(line.dataset.start) <= now) heard = line;
      }
    }
    if (heard === this.heard) return;
    this.heard?.removeAttribute("data-heard");
    heard?.setAttribute("data-heard", "");
    this.heard = heard;
    const who = heard?.querySelector(".who")?.lastChild?.textContent ?? "";
    this.label.textContent = heard ? `${who} · ${heard.querySelector(".at").textContent}` : this.label.dataset.none;
  }
}

customElements.define("mico-player", MicoPlayer);
