// Recordings as jobs, as the browser sees them: sent as fast as the server hears them, asked after, corrected.

import { ask, fetched, json, Refusal } from "./protocol.js";

const ROOT = "/v1/recordings";

/** @template T @template {unknown[]} A @typedef {Page.Asks<T, A>} Asks */

const recordings = {
  /** @type {Asks<Wire.RecordingJob, [size: number]>} */
  create: (size) => ask(`${ROOT}?size=${size}`, { method: "POST" }),
  /** @type {Asks<Wire.RecordingJob, [id: string, file: File, signal: AbortSignal]>} */
  send: (id, body, signal) =>
    ask(`${ROOT}/${id}/audio`, {
      method: "PUT",
      body,
      signal,
      headers: { "Content-Type": "application/octet-stream" },
    }),
  /** @type {Asks<Wire.RecordingJob, [id: string]>} */
  get: (id) => ask(`${ROOT}/${id}`),
  /** @type {Asks<unknown, [id: string]>} */
  forget: (id) => ask(`${ROOT}/${id}`, { method: "DELETE", keepalive: true }),
  /** @type {Asks<Wire.RecordingJob, [id: string, voice: number, naming: Wire.ThatWas]>} */
  name: (id, voice, naming) => ask(`${ROOT}/${id}/voices/${voice}`, json("POST", naming)),
  /** @type {Asks<Wire.RecordingJob, [id: string, turn: number, to: Wire.MoveTurn]>} */
  move: (id, turn, to) => ask(`${ROOT}/${id}/turns/${turn}`, json("POST", to)),
  /** @type {Asks<Wire.RecordingJob, [id: string]>} */
  undo: (id) => ask(`${ROOT}/${id}/undo`, { method: "POST" }),
  /** @type {Asks<Blob, [id: string, format: string]>} */
  save: async (id, format) => (await fetched(`${ROOT}/${id}/timeline?format=${format}`)).blob(),
};

const GONE = "unknown_recording";
const POLL_SECONDS = 1;
const TURNS_A_SECOND = 500; // asking after a long timeline each second would keep the wire busy with it

// Events: "change" whenever `said`, the server's last word, or `problem` did.
export class RecordingJob extends EventTarget {
  /** @type {Wire.RecordingJob | null} */
  said = null;
  /** @type {unknown} */
  problem = null;
  #over = new AbortController();
  /** @type {unknown} */
  #unsent = null;

  get done() {
    return this.said?.state === "done" && !this.problem;
  }

  get running() {
    return !this.done && !this.problem && !this.#over.signal.aborted;
  }

  // Resolves when it is done, refused or cancelled.
  /** @param {File} file */
  async send(file) {
    try {
      const { id } = this.#tell(await recordings.create(file.size));
      recordings.send(id, file, this.#over.signal).catch((error) => (this.#unsent = error));
      await this.follow(id);
    } catch (error) {
      this.#fail(error);
    }
  }

  // The same for one whose sound comes by another way.
  /** @param {string} id */
  async follow(id) {
    try {
      while (this.running) await this.#ask(id);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {string} id */
  async #ask(id) {
    const turns = this.said?.timeline?.turns.length ?? 0;
    await new Promise((later) => setTimeout(later, 1000 * Math.max(POLL_SECONDS, turns / TURNS_A_SECOND)));
    if (!this.running) return;
    const said = await recordings.get(id).catch((error) => {
      if (error.code !== "connection_lost") throw error;
      return null; // the banner tells; the server may come back and still be hearing it
    });
    if (said && this.running) this.#heard(said);
  }

  /** @param {Wire.RecordingJob} said */
  #heard(said) {
    this.#tell(said);
    if (said.state === "failed") throw new Refusal(said.error?.code ?? "", said.error?.message ?? "");
    // An answer that was lost after all had been sent hinders nothing.
    if (this.#unsent && said.state !== "done" && said.received_bytes < said.size_bytes) throw this.#unsent;
  }

  /** @param {Wire.RecordingJob} said */
  #tell(said) {
    this.said = said;
    this.dispatchEvent(new Event("change"));
    return said;
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.#over.signal.aborted) return;
    this.problem = error;
    this.close();
    this.dispatchEvent(new Event("change"));
  }

  // The server forgets it, and its voices.
  close() {
    this.#over.abort();
    const gone = this.problem instanceof Refusal && this.problem.code === GONE;
    if (this.said && !gone) recordings.forget(this.said.id).catch(() => {}); // it expires by itself, too
  }

  /** @param {number} voice @param {Wire.ThatWas} naming */
  async name(voice, naming) {
    if (this.said) this.#tell(await recordings.name(this.said.id, voice, naming));
  }

  /** @param {number} turn @param {Wire.MoveTurn} to */
  async move(turn, to) {
    if (this.said) this.#tell(await recordings.move(this.said.id, turn, to));
  }

  async undo() {
    if (this.said) this.#tell(await recordings.undo(this.said.id));
  }

  /** @param {string} format */
  save(format) {
    return recordings.save(this.said?.id ?? "", format);
  }
}
