// One take, from the press of the button to the answer: microphone, stream, meter, and when to stop by itself.

import { Refusal } from "./protocol.js";
import { Microphone } from "./recorder.js";

const PAUSE_SECONDS = 0.7; // on top of the pause after which the server says that speech has stopped
const SILENCE_SECONDS = 12;

/**
 * `enough`: whether a pause of `pause` seconds ends the take; `tooMuch`: whether it ends without one.
 * @typedef {object} Hooks
 * @property {() => void} opening
 * @property {() => void} listening
 * @property {(message: Wire.Progress) => void} progress
 * @property {(result: Wire.Result) => void} [result]
 * @property {() => void} thinking
 * @property {(heard: Page.Heard) => number} [pause]
 * @property {(heard: Page.Heard) => boolean} enough
 * @property {(heard: Page.Heard) => boolean} tooMuch
 */

export class Speaking {
  #connection;
  #orb;
  #hooks;
  /** @type {Microphone | null} */
  #microphone = null;
  /** @type {ReturnType<import("./protocol.js").Connection["start"]> | null} */
  #take = null;
  #pause = 0;
  #silence = 0;
  #cancelled = false;
  #finishing = false;
  /** @type {PromiseWithResolvers<Page.Message | null> | null} */
  #settle = null;
  /** @type {Page.Heard} */
  heard = { speechSeconds: 0, neededSeconds: 0, result: null };

  /** @param {import("./protocol.js").Connection} connection @param {import("./orb.js").Orb} orb @param {Hooks} hooks */
  constructor(connection, orb, hooks) {
    this.#connection = connection;
    this.#orb = orb;
    this.#hooks = hooks;
  }

  // Resolves with the final message, or null when it was cancelled. Raises Refusal or MicrophoneError.
  /** @param {Page.Start} start @returns {Promise<any>} */
  async run(start) {
    try {
      this.#hooks.opening();
      await this.#connection.open();
      if (this.#cancelled) return null;
      this.#microphone = await Microphone.open({
        onFrame: (pcm) => this.#take?.send(pcm),
        onLevel: (level) => this.#orb.level(level),
        onEnd: () => this.#fail(new Refusal("mic_ended", "")),
      });
      if (this.#cancelled) return null;
      return await this.#converse(start);
    } finally {
      clearTimeout(this.#pause);
      clearTimeout(this.#silence);
      await this.#microphone?.close();
    }
  }

  /** @param {Page.Start} start */
  #converse(start) {
    this.#settle = Promise.withResolvers();
    this.#take = this.#connection.start(start, (message) => this.#hear(message));
    this.#hooks.listening();
    this.#awaitSpeech();
    return this.#settle.promise;
  }

  /** @param {Page.Message} message */
  #hear(message) {
    switch (message.type) {
      case "speech_started":
        clearTimeout(this.#pause);
        clearTimeout(this.#silence);
        break;
      case "speech_stopped":
        clearTimeout(this.#pause);
        this.#pause = setTimeout(() => this.#afterPause(), (this.#hooks.pause?.(this.heard) ?? PAUSE_SECONDS) * 1000);
        this.#awaitSpeech();
        break;
      case "progress":
        this.heard.speechSeconds = message.speech_seconds;
        this.heard.neededSeconds = message.needed_seconds;
        this.#hooks.progress(message);
        if (this.#hooks.tooMuch(this.heard)) this.finish();
        break;
      case "error":
        this.#fail(new Refusal(message.code, message.message));
        break;
      case "result":
        if (message.final) this.#settle?.resolve(message);
        else this.#guess(message);
        break;
      case "enrolled":
        this.#settle?.resolve(message);
    }
  }

  /** @param {Wire.Result} result */
  #guess(result) {
    this.heard.result = result;
    this.#hooks.result?.(result);
  }

  #afterPause() {
    if (this.#hooks.enough(this.heard)) this.finish();
  }

  #awaitSpeech() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.finish(), SILENCE_SECONDS * 1000);
  }

  // No more audio: the answer comes next. The last piece of sound still goes out before.
  async finish() {
    if (!this.#take || this.#finishing) return;
    this.#finishing = true;
    this.#hooks.thinking();
    await this.#microphone?.close();
    this.#take.stop();
  }

  cancel() {
    this.#take?.cancel();
    this.#cancelled = true;
    this.#settle?.resolve(null);
  }

  /** @param {Refusal} error */
  #fail(error) {
    this.#take?.cancel();
    this.#settle?.reject(error);
  }
}
