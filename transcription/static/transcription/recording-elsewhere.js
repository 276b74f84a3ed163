// <recording-elsewhere>: on every page, a link to the tab of this browser in which the same person is recording.
// mico-recorder.js in that tab sends a message about once a second, on a BroadcastChannel.

const SILENCE = 3500; // ms without a message until that tab counts as closed

class RecordingElsewhere extends HTMLElement {
  connectedCallback() {
    this.channel = new BroadcastChannel(`mico-recording ${document.body.dataset.user}`);
    this.channel.addEventListener("message", ({ data }) => this.heard(data));
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.channel.close();
  }

  /**
   * @param {{ recording: boolean, title: string, url: string }} message title and address of the other tab's meeting
   */
  heard({ recording, title, url }) {
    if (document.querySelector('mico-recorder[data-state="recording"]')) return; // this page shows that itself
    clearTimeout(this.timer);
    this.hidden = !recording;
    if (!recording) return;
    const link = document.createElement("a");
    link.href = url;
    link.textContent = this.dataset.text.replace("{title}", title);
    if (this.textContent !== link.textContent) this.replaceChildren(link); // a new link would lose the focus
    this.timer = setTimeout(() => (this.hidden = true), SILENCE);
  }
}

customElements.define("recording-elsewhere", RecordingElsewhere);
