// The wire, as the browser sees it: one WebSocket that heals itself, takes on it one after another, and REST.

const VERSION = 1;
const BACKOFF_SECONDS = [0.3, 1, 2, 3, 4];
const HELLO_SECONDS = 10;

export class Refusal extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// Events: "state" whenever `state` changes: "connecting", "ready", "waiting" (between attempts, `retrySeconds`), "asleep".
export class Connection extends EventTarget {
  /** @type {"asleep" | "connecting" | "ready" | "waiting"} */
  state = "asleep";
  /** @type {Wire.Ready | null} */
  ready = null;
  retrySeconds = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Promise<Wire.Ready> | null} */
  #opening = null;
  #attempts = 0;
  #timer = 0;
  #wanted = false;
  #address;
  #token;
  /** @type {Take | null} */
  #take = null;

  // A page elsewhere says which server it means, and brings a token.
  constructor(server = location.origin, token = "") {
    super();
    this.#address = `${server.replace(/^http/, "ws")}/ws`;
    this.#token = token;
  }

  // Resolves with the server's `ready`; one attempt, shared by all who ask meanwhile.
  /** @returns {Promise<Wire.Ready>} */
  open() {
    this.#wanted = true;
    if (this.ready && this.state === "ready") return Promise.resolve(this.ready);
    clearTimeout(this.#timer);
    this.#opening ??= this.#attempt().finally(() => (this.#opening = null));
    return this.#opening;
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  /** @returns {Promise<Wire.Ready>} */
  #attempt() {
    this.#become("connecting");
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#address);
      const timer = setTimeout(() => socket.close(), HELLO_SECONDS * 1000);
      let refusal = new Refusal("connection_lost", "The server does not answer.");
      let mayRest = false;
      this.#socket = socket;
      socket.onopen = () =>
        socket.send(JSON.stringify({ type: "hello", version: VERSION, token: this.#token || null }));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "ready") {
          clearTimeout(timer);
          this.#attempts = 0;
          this.ready = message;
          this.#become("ready");
          resolve(message);
        } else if (message.type === "error" && !this.#take) {
          refusal = new Refusal(message.code, message.message);
          mayRest = message.code === "idle";
        } else this.#take?.hear(message);
      };
      socket.onclose = () => {
        clearTimeout(timer);
        reject(refusal);
        this.#take?.lose();
        // A server that closed because nothing was said holds nothing against us: come back when there is something to say.
        if (mayRest || !this.#wanted) this.#become("asleep");
        else this.#retry();
      };
    });
  }

  #retry() {
    this.retrySeconds = BACKOFF_SECONDS[Math.min(this.#attempts++, BACKOFF_SECONDS.length - 1)];
    this.#become("waiting");
    this.#timer = setTimeout(() => this.open().catch(() => {}), this.retrySeconds * 1000);
  }

  /** @param {Connection["state"]} state */
  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  // `hear(message)` gets every message of the take, the last one being a final result, enrolled or error.
  /** @param {Page.Start} start @param {(message: Page.Message) => void} hear */
  start(start, hear) {
    if (!this.#socket || this.state !== "ready")
      throw new Refusal("connection_lost", "The server cannot be reached right now.");
    this.#take?.cancel();
    const take = new Take(this.#socket, start, hear, () => {
      if (this.#take === take) this.#take = null;
    });
    this.#take = take;
    return take;
  }
}

class Take {
  #socket;
  #hear;
  #end;
  #open = true; // the server still takes audio
  #over = false; // the last message was heard
  sentSeconds = 0;

  /**
   * @param {WebSocket} socket
   * @param {Page.Start} start
   * @param {(message: Page.Message) => void} hear
   * @param {() => void} end
   */
  constructor(socket, start, hear, end) {
    this.#socket = socket;
    this.#hear = hear;
    this.#end = end;
    this.#say({ type: "start", encoding: "pcm_s16le", sample_rate: 16000, ...start });
  }

  /** @param {ArrayBuffer} pcm */
  send(pcm) {
    if (!this.#open || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(pcm);
    this.sentSeconds += pcm.byteLength / 32000;
  }

  stop() {
    if (!this.#open) return;
    this.#open = false;
    this.#say({ type: "stop" });
  }

  cancel() {
    if (this.#open) this.#say({ type: "cancel" });
    this.#finish();
  }

  /** @param {Page.Message} message */
  hear(message) {
    // What was on its way for a take before this one speaks of more audio than this one has sent.
    if (secondsIn(message) > this.sentSeconds + 0.5) return;
    if (["error", "enrolled"].includes(message.type) || ("final" in message && message.final)) this.#finish();
    this.#hear(message);
  }

  lose() {
    if (this.#over) return;
    this.#finish();
    this.#hear({ type: "error", code: "connection_lost", message: "The connection was lost, and with it this take." });
  }

  #finish() {
    this.#open = false;
    this.#over = true;
    this.#end();
  }

  /** @param {object} message */
  #say(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}

/** @param {Page.Message} message */
function secondsIn(message) {
  if (message.type === "result") return message.audio_seconds;
  return message.type === "progress" || message.type === "enrolled" ? message.speech_seconds : 0;
}

// REST. Raises Refusal with the server's own code and sentence.

/** @typedef {(path: string, options?: RequestInit) => Promise<any>} Ask */

/** @param {string} path @param {RequestInit} [options] @returns {Promise<Response>} */
export const fetched = (path, options) => answered(fetch(path, { credentials: "same-origin", ...options }));

/** @type {Ask} */
export const ask = async (path, options) => told(await fetched(path, options));

/** @param {string} server @param {string} token @returns {Ask} */
export function asking(server, token) {
  return async (path, options) => {
    const headers = { ...options?.headers, ...(token && { Authorization: `Bearer ${token}` }) };
    return told(await answered(fetch(`${server}${path}`, { ...options, headers, credentials: "omit" })));
  };
}

/** @param {Promise<Response>} asked */
async function answered(asked) {
  let response;
  try {
    response = await asked;
  } catch {
    throw new Refusal("connection_lost", "The server cannot be reached right now.");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new Refusal(
    body?.error?.code ?? "internal_error",
    body?.error?.message ?? `The server answered ${response.status}.`,
  );
}

/** @param {Response} response */
const told = (response) => response.json().catch(() => null);

/** @param {string} id */
const at = (id) => `/v1/speakers/${encodeURIComponent(id)}`;
/** @param {string} method @param {object} body */
export const json = (method, body) => ({
  method,
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});
// Not the type that the browser guesses from the name: the server looks into the file itself.
/** @param {File} file */
const raw = (file) => ({ method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });

/** @template T @template {unknown[]} A @typedef {Page.Asks<T, A>} Asks */

/** @param {Ask} ask */
export const restBy = (ask) => ({
  /** @type {Asks<Page.Standing, []>} */
  ready: () => ask("/readyz"),
  /** @type {Asks<Wire.Health, []>} */
  health: () => ask("/v1/health"),
  /** @type {Asks<Wire.SpeakerInfo[], []>} */
  speakers: async () => (await ask("/v1/speakers")).speakers,
  /** @type {Asks<Wire.VoiceMap, []>} */
  map: () => ask("/v1/map"),
  /** @type {Asks<Wire.KnownAbout, [id: string]>} */
  whatIsKnown: (id) => ask(`${at(id)}/export`),
  /** @type {Asks<Wire.Forgotten, [id: string]>} */
  forget: (id) => ask(at(id), { method: "DELETE" }),
  /** @type {Asks<Wire.Unlocked, [id: string]>} */
  unlock: (id) => ask(`${at(id)}/lock`, { method: "DELETE" }),
  /** @type {Asks<Wire.SpeakerInfo, [id: string, name: string]>} */
  rename: (id, name) => ask(at(id), json("PATCH", { name })),
  /** @type {Asks<Wire.Result, [file: File]>} */
  identify: (file) => ask("/v1/identify", raw(file)),
  /** @type {Asks<Wire.Enrolled, [id: string, file: File, force?: boolean]>} */
  addRecording: (id, file, force = false) => ask(`${at(id)}/enrollments${force ? "?force=true" : ""}`, raw(file)),
  /** @type {Asks<Wire.Enrolled, [name: string, files: File[], consent: Wire.Consent]>} */
  addSpeaker(name, files, consent) {
    const form = new FormData();
    form.append("name", name);
    form.append("consent", JSON.stringify(consent));
    for (const file of files) form.append("audio", file);
    return ask("/v1/speakers", { method: "POST", body: form });
  },
  /** @type {Asks<Wire.Takes, [id: string]>} */
  takes: (id) => ask(`${at(id)}/enrollments`),
  /** @type {Asks<Wire.Takes, [id: string, take: string]>} */
  removeTake: (id, take) => ask(`${at(id)}/enrollments/${encodeURIComponent(take)}`, { method: "DELETE" }),
  /** @type {Asks<Wire.Takes, [id: string, take: string]>} */
  confirmTake: (id, take) => ask(`${at(id)}/enrollments/${encodeURIComponent(take)}/confirm`, { method: "POST" }),
  /** @type {Asks<Wire.Merged, [id: string, from: string, force: boolean]>} */
  merge: (id, from, force) => ask(`${at(id)}/merge`, json("POST", { from, force })),
  /** @type {Asks<Wire.Undoable, []>} */
  lastChange: () => ask("/v1/undo"),
  /** @type {Asks<Wire.Undone, [change: string]>} */
  undo: (change) => ask("/v1/undo", json("POST", { change })),
});

export const rest = restBy(ask);
