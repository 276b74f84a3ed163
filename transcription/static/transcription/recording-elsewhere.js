// <recording-elsewhere>: says on every page that another tab of this browser is recording for the same person, and where.

const SILENCE = 3500; // ms without a word from that tab until it counts as closed

class RecordingElsewhere extends HTMLElement {
  connectedCallback() {
    this.channel = new BroadcastChannel(`mico-recording ${document.body.dataset.user}`);
    this.channel.addEventListener("message", ({ data }) => this.heard(data));
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.channel.close();
  }

  heard({ recording, title, url }) {
    if (document.querySelector('mico-recorder[data-state="recording"]')) return; // this page says so itself
    clearTimeout(this.timer);
    this.hidden = !recording;
    if (!recording) return;
    const link = document.createElement("a");
    link.href = url;
    link.textContent = this.dataset.text.replace("{title}", title);
    if (this.textContent !== link.textContent) this.replaceChildren(link);
    this.timer = setTimeout(() => (this.hidden = true), SILENCE);
  }
}

customElements.define("recording-elsewhere", RecordingElsewhere);
