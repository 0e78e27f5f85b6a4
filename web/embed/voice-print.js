// <voice-print>: a button that listens and says who is speaking, in a page elsewhere.
//
//   <script type="module" src="SERVER/embed/voice-print.js"></script>
//   <voice-print></voice-print>
//   <script type="module">document.querySelector("voice-print").token = await (await fetch("/my-token")).text();</script>
//
// Attributes: server, mode (identify, verify), speaker (the claimed id), groups (with spaces between), seconds.
// Events, both bubbling: "voiceprint-result" (detail: the final result), "voiceprint-error" (detail: code and message).

import { VoiceprintClient } from "./client.js";

const STYLE = `
:host { display: inline-flex; align-items: center; gap: 0.75em; font: inherit; }
button { font: inherit; padding: 0.5em 1.2em; border-radius: 2em; border: 1px solid currentColor; background: none;
  color: inherit; cursor: pointer; }
button:focus-visible { outline: 2px solid; outline-offset: 2px; }
`;
/** @type {Record<string, string>} */
const SAID = {
  ambiguous: "Too close to two people to choose.",
  not_enough_speech: "That was too short. Say a little more.",
  unknown: "I do not know this voice.",
  rejected: "This is not the voice that belongs to the name.",
  accepted: "This is the right voice.",
};
/** @type {Record<string, string>} */
const TROUBLE = {
  mic_denied: "The page may not use the microphone.",
  mic_missing: "There is no microphone.",
  mic_busy: "Another program holds the microphone.",
  mic_insecure: "A browser gives the microphone only to pages that came over TLS.",
};

export class VoicePrintElement extends HTMLElement {
  // A page may have given it before this file was there.
  /** @type {string} */
  token = Reflect.get(this, "token") ?? "";
  /** @type {VoiceprintClient | null} */
  #client = null;
  /** @type {import("./client.d.ts").Listening | null} */
  #listening = null;
  /** @type {AbortController | null} */
  #busy = null;
  #button = document.createElement("button");
  #words = document.createElement("span");

  constructor() {
    super();
    const style = new CSSStyleSheet(); // a page that forbids style elements allows this
    style.replaceSync(STYLE);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [style];
    this.#button.type = "button";
    this.#button.textContent = "Speak";
    this.#button.addEventListener("click", () => (this.#busy ? this.stop() : this.listen()));
    this.#words.setAttribute("role", "status");
    root.append(this.#button, this.#words);
  }

  disconnectedCallback() {
    this.#busy?.abort();
  }

  // Resolves when it is over; what came of it is told by the events.
  async listen() {
    if (this.#busy) return;
    this.#busy = new AbortController();
    this.#button.textContent = "Done";
    this.#say("Listening ...");
    try {
      this.#tell("result", await this.#take(this.#busy.signal));
    } catch (error) {
      const { code = "internal_error", message } = /** @type {import("./client.d.ts").Refusal} */ (error);
      this.#say(TROUBLE[code] ?? message);
      this.#tell("error", { code, message });
    } finally {
      this.#client?.close();
      this.#busy = null;
      this.#button.textContent = "Speak";
    }
  }

  stop() {
    return this.#listening?.stop();
  }

  /** @param {AbortSignal} signal */
  async #take(signal) {
    this.#client = new VoiceprintClient({ server: this.getAttribute("server") ?? undefined, token: this.token });
    const groups = this.getAttribute("groups")?.split(/\s+/).filter(Boolean);
    this.#listening = await this.#client.listen({
      mode: this.getAttribute("mode") === "verify" ? "verify" : "identify",
      speaker: this.getAttribute("speaker") ?? undefined,
      groups,
      signal,
      seconds: Number(this.getAttribute("seconds")) || 5,
    });
    try {
      const result = await this.#listening.result;
      this.#say(result.status === "identified" ? (result.speaker?.name ?? "") : SAID[result.status]);
      return result;
    } finally {
      this.#listening = null;
    }
  }

  /** @param {string} words */
  #say(words) {
    this.#words.textContent = words;
  }

  /** @param {"result" | "error"} kind @param {unknown} detail */
  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(`voiceprint-${kind}`, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get("voice-print")) customElements.define("voice-print", VoicePrintElement);
