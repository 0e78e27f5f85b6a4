// Plays a recording from the person's own disk.

const PATIENCE_SECONDS = 5;

// Events: "change" whenever it starts, stops or moves.
export class Player extends EventTarget {
  #audio = new Audio();
  #url;
  playable = false;

  /** @param {Blob} file */
  constructor(file) {
    super();
    this.#url = URL.createObjectURL(file);
    for (const event of ["play", "pause", "ended", "seeked"])
      this.#audio.addEventListener(event, () => this.dispatchEvent(new Event("change")));
  }

  // Resolves with the length in seconds, or null where the browser does not know it or cannot play the file.
  /** @returns {Promise<number | null>} */
  load() {
    return new Promise((resolve) => {
      this.#audio.addEventListener("error", () => resolve(null), { once: true });
      setTimeout(() => resolve(null), PATIENCE_SECONDS * 1000); // some phones load nothing before it is played
      this.#audio.addEventListener(
        "loadedmetadata",
        () => {
          this.playable = true;
          resolve(Number.isFinite(this.#audio.duration) ? this.#audio.duration : null);
        },
        { once: true },
      );
      this.#audio.preload = "metadata";
      this.#audio.src = this.#url;
    });
  }

  get at() {
    return this.#audio.currentTime;
  }

  get playing() {
    return !this.#audio.paused && !this.#audio.ended;
  }

  /** @param {number} at */
  seek(at) {
    if (this.playable) this.#audio.currentTime = Math.max(0, at);
  }

  // Stopped before it began, it is not played: nothing to tell.
  play() {
    if (this.playable) this.#audio.play().catch(() => {});
  }

  toggle() {
    if (this.playing) this.#audio.pause();
    else this.play();
  }

  close() {
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    URL.revokeObjectURL(this.#url);
  }
}
