// A voiceprint server, for a page elsewhere: its origin must be among the server's VOICEPRINT_EMBED_ORIGINS.

import { asking, Connection, Refusal, restBy } from "../protocol.js";
import { Microphone, MicrophoneError, orAborted } from "../recorder.js";

export { MicrophoneError, Refusal };

const NEVER = new AbortController().signal;
const OURS = new URL(import.meta.url).origin;

/** @implements {Pick<import("./client.d.ts").VoiceprintClient, keyof import("./client.d.ts").VoiceprintClient>} */
export class VoiceprintClient {
  #connection;
  #rest;
  #ask;

  /** @param {import("./client.d.ts").Options} options */
  constructor({ server = OURS, token }) {
    this.#connection = new Connection(server, token);
    this.#ask = asking(server, token);
    this.#rest = restBy(this.#ask);
  }

  /** @param {Blob} recording @param {import("./client.d.ts").Search} [search] */
  identify(recording, search) {
    return this.#post("/v1/identify", recording, query(search));
  }

  /** @param {string} speaker @param {Blob} recording */
  verify(speaker, recording) {
    return this.#post("/v1/verify", recording, new URLSearchParams({ speaker }));
  }

  /** @param {Blob} recording @param {import("./client.d.ts").Search} [search] */
  timeline(recording, search) {
    return this.#post("/v1/timeline", recording, query(search));
  }

  speakers() {
    return this.#rest.speakers();
  }

  /** @param {string} name @param {File[]} recordings @param {Wire.Consent} consent */
  enroll(name, recordings, consent) {
    return this.#rest.addSpeaker(name, recordings, consent);
  }

  // Opens the microphone. `result` settles at the end: after `seconds` of speech, after `stop`, or with the signal.
  /** @param {import("./client.d.ts").ListenOptions} [options] */
  async listen({ mode = "identify", speaker, groups, seconds = 5, signal = NEVER, onMessage = () => {} } = {}) {
    await this.#connection.open();
    const { promise, resolve, reject } = Promise.withResolvers();
    /** @type {ReturnType<Connection["start"]> | null} */
    let take = null;
    const handlers = {
      onFrame: (/** @type {ArrayBuffer} */ pcm) => take?.send(pcm),
      onLevel() {},
      onTrouble() {},
      onEnd: reject,
    };
    const microphone = await Microphone.open(handlers, signal);
    const result = orAborted(promise, signal).finally(() => {
      take?.cancel();
      return microphone.close();
    });
    result.catch(() => {}); // a page that does not wait for it hears of it by its messages
    const stop = async () => {
      await microphone.close(); // hands over what is left of the last frame
      take?.stop();
    };
    const hear = (/** @type {Page.Message} */ message) => {
      onMessage(message);
      if (message.type === "error") reject(new Refusal(message.code, message.message));
      else if (message.type === "result" && message.final) resolve(message);
      else if (message.type === "progress" && message.speech_seconds >= seconds) stop();
    };
    try {
      take = this.#connection.start({ mode, speaker, groups }, hear);
    } catch (error) {
      reject(error); // the connection was lost while the microphone opened
    }
    return { result, stop };
  }

  close() {
    this.#connection.close();
  }

  // Not the type that the browser guesses from the name: the server looks into the file itself.
  /** @param {string} path @param {Blob} body @param {URLSearchParams} query */
  #post(path, body, query) {
    const headers = { "Content-Type": "application/octet-stream" };
    return this.#ask(`${path}?${query}`, { method: "POST", body, headers });
  }
}

/** @param {import("./client.d.ts").Search} [search] */
function query({ groups = [] } = {}) {
  return new URLSearchParams(groups.map((group) => ["group", group]));
}
