// One take, from the press of the button to the answer: microphone, stream, meter, and when to stop by itself.

import { Refusal } from "./protocol.js";
import { Microphone, orAborted } from "./recorder.js";

const PAUSE_SECONDS = 0.7; // on top of the pause after which the server says that speech has stopped
const SILENCE_SECONDS = 12;
const SLOW_SECONDS = 3; // so long a server may take to be reached before a word is said about it
const ANSWER_SECONDS = 30;

/**
 * `enough`: whether a pause of `pause` seconds ends the take; `tooMuch`: whether it ends without one. `trouble`: what
 * hinders the take now, which may pass; null: nothing any more.
 * @typedef {object} Hooks
 * @property {() => void} listening
 * @property {(message: Wire.Progress) => void} progress
 * @property {(result: Wire.Result) => void} [result]
 * @property {() => void} thinking
 * @property {(code: string | null) => void} trouble
 * @property {(heard: Page.Heard) => number} [pause]
 * @property {(heard: Page.Heard) => boolean} enough
 * @property {(heard: Page.Heard) => boolean} tooMuch
 */

export class Speaking {
  #connection;
  #orb;
  #hooks;
  #over = new AbortController();
  /** @type {Microphone | null} */
  #microphone = null;
  /** @type {ReturnType<import("./protocol.js").Connection["start"]> | null} */
  #take = null;
  #pause = 0;
  #silence = 0;
  #answer = 0;
  #finishing = false;
  /** @type {PromiseWithResolvers<any>} */
  #settle = Promise.withResolvers();
  /** @type {Page.Heard} */
  heard = { speechSeconds: 0, neededSeconds: 0, result: null };

  /** @param {import("./protocol.js").Connection} connection @param {import("./orb.js").Orb} orb @param {Hooks} hooks */
  constructor(connection, orb, hooks) {
    this.#connection = connection;
    this.#orb = orb;
    this.#hooks = hooks;
    this.#settle.promise.catch(() => {}); // it may fail before it is waited for
  }

  // Resolves with the final message, or null when it was cancelled. Raises Refusal or MicrophoneError.
  /** @param {Page.Start} start @returns {Promise<any>} */
  async run(start) {
    try {
      await this.#open();
      this.#take = this.#connection.start(start, (message) => this.#hear(message));
      this.#hooks.listening();
      this.#awaitSpeech();
      return await orAborted(this.#settle.promise, this.#over.signal);
    } catch (error) {
      this.#take?.cancel();
      if (this.#over.signal.aborted) return null;
      throw error;
    } finally {
      for (const timer of [this.#pause, this.#silence, this.#answer]) clearTimeout(timer);
      await this.#microphone?.close();
    }
  }

  async #open() {
    const { signal } = this.#over;
    this.#orb.set("opening", "One moment");
    const slow = setTimeout(() => this.#trouble("server_slow"), SLOW_SECONDS * 1000);
    await orAborted(this.#connection.open(), signal).finally(() => clearTimeout(slow));
    this.#microphone = await Microphone.open(
      {
        onFrame: (pcm) => this.#take?.send(pcm),
        onLevel: (level) => this.#orb.level(level),
        onTrouble: (code) => this.#trouble(code),
        onEnd: (error) => this.#settle.reject(error),
      },
      signal,
    );
  }

  /** @param {string | null} code */
  #trouble(code) {
    if (!this.#take) this.#orb.set("asking", "Cancel");
    this.#hooks.trouble(code);
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
        this.#settle.reject(new Refusal(message.code, message.message));
        break;
      case "result":
        if (message.final) this.#settle.resolve(message);
        else this.#guess(message);
        break;
      case "enrolled":
        this.#settle.resolve(message);
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
    if (!this.#take) return this.cancel();
    if (this.#finishing) return;
    this.#finishing = true;
    this.#hooks.thinking();
    await this.#microphone?.close();
    this.#take.stop();
    const late = new Refusal("server_slow", "");
    this.#answer = setTimeout(() => this.#settle.reject(late), ANSWER_SECONDS * 1000);
  }

  cancel() {
    this.#over.abort(new Refusal("cancelled", ""));
  }
}
