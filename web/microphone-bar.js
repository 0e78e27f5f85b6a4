// Under a button to speak: the name of the microphone, the choice of another, and a test of its level.

import { announce, button, h } from "./dom.js";
import { microphones } from "./microphones.js";
import { Microphone } from "./recorder.js";
import { refusalText } from "./refusals.js";

const TEST_SECONDS = 12;
const SPEECH_RMS = 0.006; // about -44 dB of full scale: somebody speaks
const GOOD_RMS = 0.02;
const TOO_LOUD = 0.99;
const RANGE_DB = 60;

export class MicrophoneBar {
  #name = h("span", { className: "mic-name", dir: "auto" });
  #select = h("select", { ariaLabel: "Microphone", on: { change: () => microphones.choose(this.#select.value) } });
  #meter = h("meter", { ariaLabel: "Level", max: RANGE_DB, hidden: true });
  #words = h("p", { className: "mic-words" });
  #test = button("Test it", "small ghost", () => this.#toggle());
  /** @type {AbortController | null} */
  #running = null;
  #loudest = 0;
  #free;

  /** @param {HTMLElement} root @param {() => boolean} free whether nothing else listens */
  constructor(root, free) {
    this.#free = free;
    const tools = h("div", { className: "mic-tools" }, this.#select, this.#test);
    root.append(h("summary", {}, "Microphone", this.#name), tools, this.#meter, this.#words);
    root.addEventListener("toggle", () => this.stop());
    microphones.addEventListener("change", () => this.#show());
    this.#show();
  }

  stop() {
    this.#running?.abort();
  }

  #show() {
    const { all, name, chosen } = microphones;
    this.#name.textContent = name ? `: ${name}` : "";
    const gone = chosen && !all.some((one) => one.deviceId === chosen);
    this.#select.replaceChildren(
      h("option", { value: "" }, "The browser's choice"),
      ...all.map((one) => h("option", { value: one.deviceId }, one.label)),
      gone ? h("option", { value: chosen }, "The one chosen before") : "",
    );
    this.#select.value = chosen;
  }

  async #toggle() {
    if (this.#running) return this.stop();
    if (!this.#free()) return this.#say("It is in use right now.");
    const running = new AbortController();
    this.#running = running;
    this.#loudest = 0;
    this.#test.textContent = "Stop the test";
    this.#say("One moment");
    try {
      await this.#listen(running.signal);
    } catch (error) {
      if (!running.signal.aborted) this.#trouble(error);
    }
    this.#running = null;
    this.#test.textContent = "Test it";
    this.#meter.hidden = true;
    if (running.signal.aborted && !this.#loudest) this.#say("");
  }

  /** @param {AbortSignal} signal */
  async #listen(signal) {
    const { promise: over, resolve, reject } = Promise.withResolvers();
    const microphone = await Microphone.open(
      {
        onLevel: (level) => this.#level(level),
        onTrouble: (code) => (code ? this.#trouble({ code }) : this.#say("Say a sentence.")),
        onEnd: reject,
      },
      signal,
    );
    this.#meter.hidden = false;
    this.#say("Say a sentence.");
    setTimeout(resolve, TEST_SECONDS * 1000);
    signal.addEventListener("abort", resolve);
    await over.finally(() => microphone.close());
  }

  /** @param {Page.Level} level */
  #level({ rms, peak }) {
    this.#meter.value = Math.max(0, RANGE_DB + 20 * Math.log10(rms + 1e-6));
    if (peak >= TOO_LOUD) this.#say("Too loud: go a little further away, or turn it down.");
    else if (rms > this.#loudest && rms > SPEECH_RMS) {
      this.#loudest = rms;
      this.#say(rms > GOOD_RMS ? "Good, I hear you." : "I hear you faintly: come closer, or turn it up.");
    }
  }

  /** @param {unknown} error */
  #trouble(error) {
    this.#say(refusalText(error));
  }

  /** @param {string} words */
  #say(words) {
    if (words && words !== this.#words.textContent) announce(words);
    this.#words.textContent = words;
  }
}
