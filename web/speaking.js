// One take, from the press of the button to the answer: microphone, stream, meter, and when to stop by itself.

import { Refusal } from "./protocol.js";
import { Microphone } from "./recorder.js";

const PAUSE_SECONDS = 0.7; // on top of the pause after which the server says that speech has stopped
const SILENCE_SECONDS = 12;

// hooks: opening(), listening(), progress(message), result(message), thinking(); enough(so far) says
// whether a pause of pause(so far) seconds ends the take, tooMuch(so far) whether it ends without one.
export class Speaking {
  #connection;
  #orb;
  #hooks;
  #microphone = null;
  #take = null;
  #pause = 0;
  #silence = 0;
  #settle = null;

  constructor(connection, orb, hooks) {
    this.#connection = connection;
    this.#orb = orb;
    this.#hooks = hooks;
    this.heard = { speechSeconds: 0, neededSeconds: 0, result: null };
  }

  // Resolves with the final message, or null when it was cancelled. Raises Refusal or MicrophoneError.
  async run(start) {
    try {
      this.#hooks.opening?.();
      await this.#connection.open();
      if (this.#settle === "cancelled") return null;
      this.#microphone = await Microphone.open({
        onFrame: (pcm) => this.#take?.send(pcm),
        onLevel: (level) => this.#orb.level(level),
        onEnd: () => this.#fail(new Refusal("mic_ended", "")),
      });
      if (this.#settle === "cancelled") return null;
      return await this.#converse(start);
    } finally {
      clearTimeout(this.#pause);
      clearTimeout(this.#silence);
      await this.#microphone?.close();
    }
  }

  #converse(start) {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#take = this.#connection.start(start, (message) => this.#hear(message));
      this.#hooks.listening?.();
      this.#awaitSpeech();
    });
  }

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
        this.#hooks.progress?.(message);
        if (this.#hooks.tooMuch?.(this.heard)) this.finish();
        break;
      case "error":
        this.#fail(new Refusal(message.code, message.message));
        break;
      case "result":
        if (message.final) this.#settle.resolve(message);
        else this.#guess(message);
        break;
      case "enrolled":
        this.#settle.resolve(message);
    }
  }

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
    if (!this.#take || this.finishing) return;
    this.finishing = true;
    this.#hooks.thinking?.();
    await this.#microphone?.close();
    this.#take.stop();
  }

  cancel() {
    this.#take?.cancel();
    if (this.#settle?.resolve) this.#settle.resolve(null);
    else this.#settle = "cancelled";
  }

  #fail(error) {
    this.#take?.cancel();
    this.#settle?.reject?.(error);
  }
}
