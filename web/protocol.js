// The wire, as the browser sees it: one WebSocket that heals itself, takes on it one after another, and REST.

const VERSION = 1;
const BACKOFF_SECONDS = [0.3, 1, 2, 3, 4];
const HELLO_SECONDS = 10;

export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// Events: "state" whenever `state` changes: "connecting", "ready", "waiting" (between attempts, `retrySeconds`), "asleep".
export class Connection extends EventTarget {
  state = "asleep";
  ready = null;
  retrySeconds = 0;
  #socket = null;
  #opening = null;
  #attempts = 0;
  #timer = 0;
  #take = null;

  // Resolves with the server's `ready`; one attempt, shared by all who ask meanwhile.
  open() {
    if (this.state === "ready") return Promise.resolve(this.ready);
    clearTimeout(this.#timer);
    this.#opening ??= this.#attempt().finally(() => (this.#opening = null));
    return this.#opening;
  }

  #attempt() {
    this.#become("connecting");
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
      const timer = setTimeout(() => socket.close(), HELLO_SECONDS * 1000);
      let refusal = new Refusal("connection_lost", "The server does not answer.");
      let mayRest = false;
      this.#socket = socket;
      socket.onopen = () => socket.send(JSON.stringify({ type: "hello", version: VERSION }));
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
        if (mayRest) this.#become("asleep");
        else this.#retry();
      };
    });
  }

  #retry() {
    this.retrySeconds = BACKOFF_SECONDS[Math.min(this.#attempts++, BACKOFF_SECONDS.length - 1)];
    this.#become("waiting");
    this.#timer = setTimeout(() => this.open().catch(() => {}), this.retrySeconds * 1000);
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  // `hear(message)` gets every message of the take, the last one being a final result, enrolled or error.
  start(start, hear) {
    if (this.state !== "ready") throw new Refusal("connection_lost", "The server cannot be reached right now.");
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

  constructor(socket, start, hear, end) {
    this.#socket = socket;
    this.#hear = hear;
    this.#end = end;
    this.#say({ type: "start", encoding: "pcm_s16le", sample_rate: 16000, ...start });
  }

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

  hear(message) {
    // What was on its way for a take before this one speaks of more audio than this one has sent.
    if ((message.audio_seconds ?? message.speech_seconds ?? 0) > this.sentSeconds + 0.5) return;
    if (message.type === "error" || message.type === "enrolled" || message.final) this.#finish();
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

  #say(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}

// REST. Raises Refusal with the server's own code and sentence.

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refusal("connection_lost", "The server cannot be reached right now.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw new Refusal(body?.error?.code ?? "internal_error", body?.error?.message ?? `The server answered ${response.status}.`);
}

const at = (id) => `/v1/speakers/${encodeURIComponent(id)}`;
const json = (method, body) => ({ method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
// Not the type that the browser guesses from the name: the server looks into the file itself.
const raw = (file) => ({ method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });

export const rest = {
  ready: () => ask("/readyz"),
  health: () => ask("/v1/health"),
  speakers: async () => (await ask("/v1/speakers")).speakers,
  map: () => ask("/v1/map"),
  whatIsKnown: (id) => ask(`${at(id)}/export`),
  forget: (id) => ask(at(id), { method: "DELETE" }),
  unlock: (id) => ask(`${at(id)}/lock`, { method: "DELETE" }),
  rename: (id, name) => ask(at(id), json("PATCH", { name })),
  identify: (file) => ask("/v1/identify", raw(file)),
  timeline: (file) => ask("/v1/timeline", raw(file)),
  addRecording: (id, file) => ask(`${at(id)}/enrollments`, raw(file)),
  addSpeaker(name, file, consent) {
    const form = new FormData();
    form.append("name", name);
    if (consent) form.append("consent", JSON.stringify(consent));
    form.append("audio", file);
    return ask("/v1/speakers", { method: "POST", body: form });
  },
};
