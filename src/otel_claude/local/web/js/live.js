// The event stream: the page looks again as soon as calls arrive, not only every 30 seconds.

import { byId } from "./dom.js";

const SAID = { waiting: "Connecting", live: "Live", polling: "Every 30 s", down: "No connection" };
const PAUSE = 2_000; // milliseconds: a busy program sends many batches a second
const SHARE = 5; // looking takes at most a fifth of the time

export class Live {
  /** @param {function()} changed called when calls have arrived, at most every two seconds. */
  constructor(changed) {
    this.changed = changed;
    this.source = null;
    this.pending = 0;
    this.last = 0;
    this.pause = PAUSE;
  }

  /** Listen, unless it listens already. */
  open() {
    if (this.source && this.source.readyState !== EventSource.CLOSED) return;
    this.source = new EventSource("api/stream");
    this.source.onopen = () => this.state("live");
    this.source.onerror = () => this.state(byId("banner").hidden ? "polling" : "down");
    this.source.addEventListener("added", () => this.soon());
  }

  /** @param {"waiting"|"live"|"polling"|"down"} name */
  state(name) {
    byId("live").dataset.state = name;
    byId("live-text").textContent = SAID[name];
  }

  /** How long a refresh took, in milliseconds: a large store is asked less often. */
  took(duration) {
    this.pause = Math.max(PAUSE, SHARE * duration);
  }

  soon() {
    if (this.pending) return;
    const wait = Math.max(250, this.last + this.pause - Date.now());
    this.pending = setTimeout(() => {
      this.pending = 0;
      this.last = Date.now();
      this.changed();
    }, wait);
  }
}
