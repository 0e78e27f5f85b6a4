// Watches an open microphone: whether sound arrives at all, and whether there is anything in it.

const LOOK_SECONDS = 0.25;
const STALL_SECONDS = 3;
const SILENCE_SECONDS = 3; // of digital zeros: no microphone that is on is so still

/**
 * `onTrouble`: "mic_muted", "mic_silent", or null when it has passed. `onQuiet`: no sound since the last look;
 * `onStall`: none for so long that none is to be expected.
 * @typedef {{ onTrouble: (code: string | null) => void, onQuiet: () => void, onStall: () => void }} Handlers
 */

export class SoundWatch {
  #track;
  #handlers;
  #timer = 0;
  #arrived = 0; // when sound came last, of any kind
  #loud = 0; // when it was more than zeros
  /** @type {string | null} */
  #trouble = null;

  /** @param {MediaStreamTrack} track @param {Handlers} handlers */
  constructor(track, handlers) {
    this.#track = track;
    this.#handlers = handlers;
  }

  start() {
    this.#arrived = this.#loud = performance.now();
    this.#timer = setInterval(() => this.#look(), LOOK_SECONDS * 1000);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** @param {Page.Level} level */
  hear({ peak }) {
    this.#arrived = performance.now();
    if (peak > 0) this.#loud = this.#arrived;
  }

  #look() {
    const now = performance.now();
    // A track that a script ends says nothing of it, and some browsers then give zeros.
    if (this.#track.readyState === "ended" || now - this.#arrived > STALL_SECONDS * 1000) {
      this.stop();
      return this.#handlers.onStall();
    }
    if (now - this.#arrived > LOOK_SECONDS * 1000) this.#handlers.onQuiet();
    const silent = now - this.#loud > SILENCE_SECONDS * 1000;
    const trouble = this.#track.muted ? "mic_muted" : silent ? "mic_silent" : null;
    if (trouble !== this.#trouble) this.#handlers.onTrouble(trouble);
    this.#trouble = trouble;
  }
}
