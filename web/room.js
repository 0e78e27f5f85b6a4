// Keep listening: every stretch of speech becomes one take, and the answers a line of who spoke when.

import { $, button, copy, h, saveFile } from "./dom.js";
import { Microphone, orAborted } from "./recorder.js";
import { asText } from "./timeline-text.js";
import { showTrack, turnName, turnRow } from "./turns.js";
import { refusalWords } from "./refusals.js";
import { resultWords } from "./words.js";

const PAUSE_SECONDS = 0.25;
const PATIENT_SECONDS = 1.2;
const LONGEST_TURN_SECONDS = 12;
const NEW_TAKE_SECONDS = 60; // so that a quiet room never meets the server's limit on one take
const SHOWN_SECONDS = 60;
const SHOWN_TURNS = 60; // more do not fit into that

export class Room {
  running = false;
  #app;
  #orb;
  #answer;
  #trouble;
  #over = new AbortController();
  /** @type {Microphone | null} */
  #microphone = null;
  /** @type {ReturnType<import("./protocol.js").Connection["start"]> | null} */
  #take = null;
  /** @type {ArrayBuffer[]} */
  #queue = [];
  /** @type {Page.Turn[]} */
  #turns = [];
  #heardSeconds = 0; // audio of this session that went to takes before the present one
  #stopping = false;
  #pause = 0;
  #patience = PATIENT_SECONDS;

  /**
   * @param {Page.App} app
   * @param {import("./orb.js").Orb} orb
   * @param {import("./answer.js").AnswerBox} answer
   * @param {(code: string | null) => void} trouble what hinders the microphone, while it does
   */
  constructor(app, orb, answer, trouble) {
    this.#app = app;
    this.#orb = orb;
    this.#answer = answer;
    this.#trouble = trouble;
    const save = () => saveFile(new Blob([this.#text()], { type: "text/plain" }), "room.txt");
    $("#room-tools").append(
      button("Save", "small ghost", save),
      button("Copy as text", "small ghost", () => copy(this.#text())),
    );
  }

  #text() {
    return asText(this.#turns.map((turn) => ({ ...turn, name: turnName(turn) })));
  }

  toggle() {
    if (this.running) this.stop();
    else this.#start();
  }

  async #start() {
    this.running = true;
    this.#turns = [];
    this.#queue = [];
    this.#heardSeconds = 0;
    this.#over = new AbortController();
    const { signal } = this.#over;
    this.#orb.set("opening", "One moment");
    try {
      await orAborted(this.#app.connection.open(), signal);
      this.#microphone = await Microphone.open(
        {
          onFrame: (pcm) => this.#send(pcm),
          onLevel: (level) => this.#orb.level(level),
          onTrouble: (code) => this.#hindered(code),
          onEnd: (error) => this.#fail(error),
        },
        signal,
      );
      this.#begin();
      this.#orb.set("listening", "Stop");
      this.#trouble(null);
      $("#room").hidden = false;
      $("#room-tools").hidden = true;
      $("#room .room-track").replaceChildren();
      $("#room .room-turns").replaceChildren(h("li", { className: "muted" }, "Nobody has spoken yet."));
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** @param {string | null} code */
  #hindered(code) {
    if (!this.#take) this.#orb.set("asking", "Cancel");
    this.#trouble(code);
  }

  stop() {
    if (!this.running) return;
    this.running = false;
    this.#over.abort();
    this.#trouble(null);
    clearTimeout(this.#pause);
    this.#take?.cancel();
    this.#take = null;
    this.#microphone?.close();
    this.#orb.set("idle", "Speak");
  }

  #begin() {
    this.#stopping = false;
    const turn = { at: null };
    this.#take = this.#app.connection.start({ mode: "identify", top_k: 2 }, (message) => this.#hear(message, turn));
    for (const pcm of this.#queue.splice(0)) this.#take.send(pcm);
  }

  /** @param {ArrayBuffer} pcm */
  #send(pcm) {
    if (!this.running) return;
    if (this.#stopping || !this.#take) this.#queue.push(pcm);
    else {
      this.#take.send(pcm);
      if (this.#take.sentSeconds > NEW_TAKE_SECONDS) this.#end();
    }
  }

  #end() {
    clearTimeout(this.#pause);
    if (this.#stopping) return;
    this.#stopping = true;
    this.#take?.stop();
  }

  /** @param {Page.Message} message @param {{ at: number | null }} turn */
  #hear(message, turn) {
    if (!this.running) return;
    if (message.type === "speech_started") {
      turn.at ??= this.#heardSeconds + message.at_seconds;
      clearTimeout(this.#pause);
    } else if (message.type === "speech_stopped") this.#pause = setTimeout(() => this.#end(), this.#patience * 1000);
    else if (message.type === "progress") {
      this.#orb.progress(message.percent / 100);
      // Who pauses after a few words goes on, more likely than not; too little speech names nobody.
      this.#patience = message.percent < 100 ? PATIENT_SECONDS : PAUSE_SECONDS;
      if (message.speech_seconds > LONGEST_TURN_SECONDS) this.#end();
    } else if (message.type === "result") this.#answered(message, turn);
    else if (message.type === "error") this.#fail(message);
  }

  /** @param {Wire.Result} result @param {{ at: number | null }} turn */
  #answered(result, turn) {
    if (!result.final) return this.#answer.show(resultWords(result));
    this.#heardSeconds += this.#take?.sentSeconds ?? 0;
    if (result.speech_seconds > 0) {
      const at = turn.at ?? 0;
      const { speaker, status, candidates } = result;
      const between = status === "ambiguous" ? candidates.slice(0, 2).map((one) => one.speaker) : [];
      this.#add({ at, until: at + result.speech_seconds, speaker, status, between });
      this.#answer.show(resultWords(result), { say: result.status === "identified" });
    }
    this.#begin();
  }

  /** @param {Page.Turn} turn */
  #add(turn) {
    const list = $("#room .room-turns");
    if (!this.#turns.length) list.replaceChildren();
    this.#turns.push(turn);
    const row = turnRow(turn);
    list.prepend(row);
    if (list.scrollTop > 0) list.scrollTop += row.offsetHeight; // what is being read stays in place
    $("#room-tools").hidden = false;
    const end = Math.max(SHOWN_SECONDS, turn.until);
    showTrack($("#room .room-track"), this.#turns.slice(-SHOWN_TURNS), end - SHOWN_SECONDS, end);
  }

  /** @param {unknown} error */
  #fail(error) {
    this.stop();
    const { title, detail } = refusalWords(error);
    this.#orb.set("refused", "Try again");
    this.#answer.show({ kind: "refused", kicker: "", title, detail }, { say: true });
  }
}
