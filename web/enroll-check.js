// The end of enrolling: say something else once, and see whether the voice is known.

import { AnswerBox } from "./answer.js";
import { $ } from "./dom.js";
import { Orb } from "./orb.js";
import { Speaking } from "./speaking.js";
import { refusalWords } from "./refusals.js";
import { resultWords } from "./words.js";

const LONG_ENOUGH_SECONDS = 15;

export class Check {
  #app;
  #orb = new Orb($("#check-orb"));
  #answer = new AnswerBox($("#check-answer"));
  /** @type {Wire.SpeakerRef | null} */
  #speaker = null;
  /** @type {Speaking | null} */
  #speaking = null;

  /** @param {Page.App} app */
  constructor(app) {
    this.#app = app;
    this.#orb.button.addEventListener("click", () => this.toggle());
  }

  get busy() {
    return this.#speaking !== null;
  }

  // `speaker`: who should be recognised.
  /** @param {Wire.SpeakerRef} speaker */
  prepare(speaker) {
    this.#speaker = speaker;
    this.#answer.hide();
    this.#orb.reset();
    this.#orb.set("idle", "Check");
  }

  toggle() {
    if (this.#speaking) this.#speaking.finish();
    else this.#listen();
  }

  cancel() {
    this.#speaking?.cancel();
  }

  async #listen() {
    const orb = this.#orb;
    this.#answer.hide();
    this.#speaking = new Speaking(this.#app.connection, orb, {
      listening: () => orb.set("listening", "Stop"),
      progress: (message) => orb.progress(message.percent / 100),
      result: (result) => this.#answer.show(resultWords(result)),
      trouble: (code) => this.#trouble(code),
      thinking: () => orb.set("thinking", "Thinking"),
      enough: (heard) => heard.result !== null && heard.result.status !== "not_enough_speech",
      tooMuch: (heard) => heard.speechSeconds >= LONG_ENOUGH_SECONDS,
    });
    try {
      const result = await this.#speaking.run({ mode: "identify", top_k: 3 });
      if (result) this.#show(result);
      else if (this.#speaker) this.prepare(this.#speaker);
    } catch (error) {
      orb.set("refused", "Try again");
      this.#refused(error);
    }
    this.#speaking = null;
  }

  // What hinders the microphone, while it does.
  /** @param {string | null} code */
  #trouble(code) {
    if (code) this.#refused({ code });
    else this.#answer.hide();
  }

  /** @param {unknown} error */
  #refused(error) {
    const { title, detail } = refusalWords(error);
    this.#answer.show({ kind: "refused", title, detail }, { say: true });
  }

  /** @param {Wire.Result} result */
  #show(result) {
    const words = resultWords(result);
    if (result.speaker && result.speaker.id === this.#speaker?.id) Object.assign(words, { kicker: "Yes, this is" });
    else if (result.status === "identified") Object.assign(words, { kind: "unsure", kicker: "I took you for" });
    else if (result.status === "unknown")
      words.detail = "Not yet. One more take, the way you will usually speak, helps.";
    this.#orb.set(words.kind, "Once more");
    this.#answer.show(words, { say: true });
  }
}
