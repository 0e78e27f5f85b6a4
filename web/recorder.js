// The microphone: open for one take, closed (and its light off) right after.

const RATE = 16000;
const CONSTRAINTS = {
  // What makes speech pleasant on a call hides what makes a voice its owner's.
  audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 },
};
/** @type {Record<string, string>} */
const CODES = {
  NotAllowedError: "mic_denied",
  SecurityError: "mic_denied",
  NotFoundError: "mic_missing",
  OverconstrainedError: "mic_missing",
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
 * `onFrame` gets PCM, `onLevel` shares of full scale; `onEnd`: the device went away.
 * @typedef {object} Handlers
 * @property {(pcm: ArrayBuffer) => void} onFrame
 * @property {(level: Page.Level) => void} [onLevel]
 * @property {() => void} [onEnd]
 */

export class Microphone {
  /** @param {Handlers} handlers */
  static async open(handlers) {
    if (!globalThis.isSecureContext) throw new MicrophoneError("mic_insecure");
    if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode)
      throw new MicrophoneError("mic_unsupported");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
    } catch (error) {
      throw new MicrophoneError(CODES[/** @type {Error} */ (error).name] ?? "mic_missing");
    }
    const microphone = new Microphone(stream, handlers);
    try {
      await microphone.#listen(stream);
    } catch {
      microphone.#release();
      throw new MicrophoneError("mic_unsupported");
    }
    return microphone;
  }

  /** @type {MediaStream | null} */
  #stream;
  #handlers;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  #flushed = () => {};

  /** @param {MediaStream} stream @param {Handlers} handlers */
  constructor(stream, handlers) {
    this.#stream = stream;
    this.#handlers = handlers;
    for (const track of stream.getTracks()) track.addEventListener("ended", () => handlers.onEnd?.());
  }

  /** @param {MediaStream} stream */
  async #listen(stream) {
    let source;
    try {
      this.#context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
      source = this.#context.createMediaStreamSource(stream);
    } catch {
      // Firefox does not join a microphone and a context of different rates; the worklet resamples then.
      await this.#context?.close();
      this.#context = new AudioContext();
      source = this.#context.createMediaStreamSource(stream);
    }
    await this.#context.audioWorklet.addModule("/pcm-worklet.js");
    const node = new AudioWorkletNode(this.#context, "pcm", {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      outputChannelCount: [1],
    });
    this.#node = node;
    node.port.onmessage = ({ data }) => {
      if (data.pcm) this.#handlers.onFrame(data.pcm);
      else if (data.flushed) this.#flushed();
      else this.#handlers.onLevel?.(data);
    };
    source.connect(node);
    node.connect(this.#context.destination); // it stays silent; without a sink some browsers do not run it
    await this.#context.resume();
  }

  // Hands over what is left of the last frame, then lets go of the device.
  async close() {
    if (!this.#stream) return;
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
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#handlers = { onFrame() {} };
    this.#context?.close().catch(() => {});
  }
}
