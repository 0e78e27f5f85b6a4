// Which microphone to use: the browser's own choice until a person makes another, which this browser keeps.

const KEPT_AS = "voiceprint-microphone";
// What makes speech pleasant on a call hides what makes a voice its owner's.
const CONSTRAINTS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };

// Event "change": others are connected now, or one was chosen or opened.
class Microphones extends EventTarget {
  /** @type {MediaDeviceInfo[]} */
  all = []; // those with names: a browser tells them once the page may listen
  name = ""; // of the one that was open last
  #chosen = kept();

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#look());
    this.#look();
  }

  // What to ask the browser for.
  get wish() {
    return this.chosen ? { ...CONSTRAINTS, deviceId: { exact: this.chosen } } : CONSTRAINTS;
  }

  get chosen() {
    return this.#chosen;
  }

  /** @param {string} id a device's, or nothing for the browser's choice */
  choose(id) {
    this.#chosen = id;
    this.name = this.all.find((one) => one.deviceId === id)?.label ?? "";
    try {
      localStorage.setItem(KEPT_AS, id);
    } catch {
      // A browser that keeps nothing: the choice holds until the page is closed.
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {MediaStreamTrack} track */
  opened(track) {
    this.name = track.label;
    this.#look();
  }

  async #look() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const inputs = devices.filter(({ kind }) => kind === "audioinput");
    // Some browsers take the names back when nothing is open; those told once are shown until others are.
    if (!inputs.length || inputs.some(({ label }) => label)) this.all = inputs.filter(({ deviceId }) => deviceId);
    this.dispatchEvent(new Event("change"));
  }
}

function kept() {
  try {
    return localStorage.getItem(KEPT_AS) ?? "";
  } catch {
    return "";
  }
}

export const microphones = new Microphones();
