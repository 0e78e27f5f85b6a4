// The microphone: open for one take, closed (and its light off) right after, and watched meanwhile.

import { microphones } from "./microphones.js";
import { SoundWatch } from "./sound-watch.js";

const RATE = 16000;
const PROMPT_SECONDS = 2.5; // so long the browser is trusted to open it without asking anybody
const START_SECONDS = 3.5; // from the device to its first sound
const CODES = {
  NotAllowedError: "mic_denied",
  SecurityError: "mic_denied",
  NotFoundError: "mic_missing",
  OverconstrainedError: "mic_gone",
  NotReadableError: "mic_busy",
  AbortError: "mic_busy",
};

export class MicrophoneError extends Error {
  /** @param {string} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/**
 * `onFrame` gets PCM, `onLevel` shares of full scale. `onTrouble`: what hinders it now, which may pass; null: nothing
 * any more. `onEnd`: what ended it.
 * @typedef {object} Handlers
 * @property {(pcm: ArrayBuffer) => void} [onFrame]
 * @property {(level: Page.Level) => void} onLevel
 * @property {(code: string | null) => void} onTrouble
 * @property {(error: MicrophoneError) => void} onEnd
 */

export class Microphone {
  // Resolves as soon as there is sound. Raises MicrophoneError, or the signal's reason.
  /** @param {Handlers} handlers @param {AbortSignal} signal */
  static async open(handlers, signal) {
    if (!globalThis.isSecureContext) throw new MicrophoneError("mic_insecure");
    if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode)
      throw new MicrophoneError("mic_unsupported");
    const microphone = new Microphone(await ask(handlers, signal), handlers);
    try {
      await before(START_SECONDS, microphone.#listen(), signal);
    } catch (error) {
      microphone.#release();
      if (error instanceof MicrophoneError || signal.aborted) throw error;
      throw new MicrophoneError("mic_unsupported");
    }
    return microphone;
  }

  #stream;
  #handlers;
  #watch;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  #flushed = () => {};

  /** @param {MediaStream} stream @param {Handlers} handlers */
  constructor(stream, handlers) {
    this.#stream = stream;
    this.#handlers = handlers;
    const [track] = stream.getAudioTracks();
    track.addEventListener("ended", () => this.#handlers.onEnd(new MicrophoneError("mic_ended")));
    microphones.opened(track);
    this.#watch = new SoundWatch(track, {
      onTrouble: (code) => this.#handlers.onTrouble(code),
      onQuiet: () => this.#wake(),
      onStall: () => this.#handlers.onEnd(new MicrophoneError("mic_stalled")),
    });
  }

  async #listen() {
    const { context, source } = await joined(this.#stream);
    this.#context = context;
    await context.audioWorklet.addModule(new URL("./pcm-worklet.js", import.meta.url));
    const node = new AudioWorkletNode(context, "pcm", {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      outputChannelCount: [1],
    });
    this.#node = node;
    /** @type {Promise<void>} */
    const sounding = new Promise((resolve) => {
      node.port.onmessage = ({ data }) => {
        resolve();
        this.#hear(data);
      };
    });
    source.connect(node);
    node.connect(context.destination); // it stays silent; without a sink some browsers do not run it
    this.#wake(); // whether that ever settles says nothing; sound does
    await sounding;
    this.#watch.start();
  }

  /** @param {{ pcm?: ArrayBuffer, flushed?: boolean } & Page.Level} data */
  #hear(data) {
    if (data.pcm) this.#handlers.onFrame?.(data.pcm);
    else if (data.flushed) this.#flushed();
    else {
      this.#watch.hear(data);
      this.#handlers.onLevel(data);
    }
  }

  #wake() {
    if (this.#context?.state !== "running") this.#context?.resume().catch(() => {});
  }

  // Hands over what is left of the last frame, then lets go of the device.
  async close() {
    this.#watch.stop();
    /** @type {Promise<void>} */
    const flushed = new Promise((resolve) => {
      this.#flushed = resolve;
      setTimeout(resolve, 200);
    });
    this.#node?.port.postMessage("flush");
    await flushed;
    this.#release();
  }

  #release() {
    this.#watch.stop();
    this.#handlers = { onLevel() {}, onTrouble() {}, onEnd() {} };
    stop(this.#stream);
    this.#context?.close().catch(() => {});
  }
}

// The device, once the browser and the person let us have it, however long that takes.
/** @param {Handlers} handlers @param {AbortSignal} signal */
async function ask(handlers, signal) {
  const asking = navigator.mediaDevices.getUserMedia({ audio: microphones.wish });
  const prompted = setTimeout(() => handlers.onTrouble("mic_prompt"), PROMPT_SECONDS * 1000);
  asking.then((late) => signal.aborted && stop(late)).catch(() => {});
  try {
    return await orAborted(asking, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    const { name } = /** @type {{ name: keyof typeof CODES }} */ (error);
    throw new MicrophoneError(CODES[name] ?? "mic_missing");
  } finally {
    clearTimeout(prompted);
  }
}

/** @param {MediaStream} stream */
async function joined(stream) {
  const wanted = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  try {
    return { context: wanted, source: wanted.createMediaStreamSource(stream) };
  } catch {
    // A browser may not join a microphone and a context of different rates; the worklet resamples then.
    await wanted.close();
    const context = new AudioContext();
    return { context, source: context.createMediaStreamSource(stream) };
  }
}

/** @template T @param {number} seconds @param {Promise<T>} work @param {AbortSignal} signal @returns {Promise<T>} */
function before(seconds, work, signal) {
  const { promise, reject } = Promise.withResolvers();
  const timer = setTimeout(() => reject(new MicrophoneError("mic_stalled")), seconds * 1000);
  return Promise.race([orAborted(work, signal), promise]).finally(() => clearTimeout(timer));
}

/** @template T @param {Promise<T>} work @param {AbortSignal} signal @returns {Promise<T>} */
export function orAborted(work, signal) {
  const { promise, reject } = Promise.withResolvers();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return Promise.race([work, promise]);
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
