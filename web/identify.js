// The first view: speak and be named, or drop a recording.

import { AnswerBox } from "./answer.js";
import { $, announce, confirm, dropTarget, find, h } from "./dom.js";
import { Chart, showCandidates } from "./evidence.js";
import { Files } from "./files.js";
import { MicrophoneBar } from "./microphone-bar.js";
import { Orb } from "./orb.js";
import { Player } from "./player.js";
import { rest } from "./protocol.js";
import { Room } from "./room.js";
import { Speaking } from "./speaking.js";
import { refusalText, refusalWords } from "./refusals.js";
import { resultWords } from "./words.js";
import { Workbench } from "./workbench.js";

const LONG_ENOUGH_SECONDS = 15;
const LONG_SECONDS = 20; // of a recording: one name says too little of it
const LONG_BYTES = 2e6; // the same, where the browser does not know the length
const PAUSE_SECONDS = 0.7;
const SURE_PAUSE_SECONDS = 0.2; // a name that is announced stays, so that there is nothing to wait for
const HINT = matchMedia("(hover: none)").matches ? "Press the button." : "Press the button, or the space bar.";
const ROOM_HINT = "Press the button, and I note who speaks when, until you press it again.";

export class IdentifyView {
  #app;
  #orb = new Orb($("#identify-orb"));
  #answer = new AnswerBox($("#identify-answer"));
  #chart = new Chart(find(SVGSVGElement, "#identify-evidence .chart-plot"));
  #room;
  #bar;
  /** @type {Speaking | null} */
  #speaking = null;
  #announced = false;
  #roomSwitch = find(HTMLInputElement, "#room-switch");
  #many = new Files($("#identify-file-list"));
  #bench = new Workbench(() => this.#closed());

  /** @param {Page.App} app */
  constructor(app) {
    this.#app = app;
    this.#room = new Room(app, this.#orb, this.#answer, this.#bench, (code) => this.#trouble(code));
    this.#bar = new MicrophoneBar($("#identify-mic"), () => !this.busy);
    this.#orb.set("idle", "Speak");
    this.#hint(HINT);
    this.#orb.button.addEventListener("click", () => this.toggle());
    this.#roomSwitch.addEventListener("change", () => this.#switchRoom());
    const picked = find(HTMLInputElement, "#identify-files");
    picked.addEventListener("change", () => {
      this.#take([...(picked.files ?? [])]);
      picked.value = "";
    });
    dropTarget($("#identify"), (data) => this.#take([...data.files]));
  }

  enter() {}

  leave() {
    this.cancel();
  }

  toggle() {
    if (this.#bench.isOpen && !this.#room.running) this.#bench.toggle();
    else if (this.#roomSwitch.checked) this.#room.toggle();
    else if (this.#speaking) this.#speaking.finish();
    else this.#listen();
  }

  cancel() {
    this.#bar.stop();
    this.#speaking?.cancel();
    this.#room.stop();
  }

  get #invitation() {
    return this.#roomSwitch.checked ? ROOM_HINT : HINT;
  }

  get busy() {
    return this.#speaking !== null || this.#room.running;
  }

  #switchRoom() {
    this.cancel();
    this.#clear();
    this.#hint(this.#invitation);
  }

  async #listen() {
    this.#clear();
    this.#bar.stop();
    const orb = this.#orb;
    this.#speaking = new Speaking(this.#app.connection, orb, {
      listening: () => {
        announce("Listening");
        this.#hearing();
      },
      trouble: (code) => this.#trouble(code),
      progress: (message) => orb.progress(message.percent / 100),
      result: (result) => this.#guess(result),
      thinking: () => orb.set("thinking", "Thinking"),
      pause: (heard) => (heard.result?.announced ? SURE_PAUSE_SECONDS : PAUSE_SECONDS),
      enough: (heard) => heard.result !== null && heard.result.status !== "not_enough_speech",
      tooMuch: (heard) => heard.speechSeconds >= LONG_ENOUGH_SECONDS,
    });
    try {
      const result = await this.#speaking.run({ mode: "identify", top_k: 5 });
      if (result) this.#final(result);
      else this.#rest();
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#speaking = null;
      this.#app.refreshHealth();
    }
  }

  #hearing() {
    this.#orb.set("listening", "Stop");
    this.#hint("I am listening. I stop by myself when you do; Escape throws the take away.");
  }

  // What hinders the microphone, while it does.
  /** @param {string | null} code */
  #trouble(code) {
    if (!code) return this.#speaking ? this.#hearing() : this.#hint(this.#invitation);
    const words = refusalText({ code });
    this.#hint(words, "trouble");
    announce(words);
  }

  /** @param {Wire.Result} result */
  #guess(result) {
    const first = result.announced && !this.#announced;
    this.#announced = Boolean(result.announced);
    this.#answer.show(resultWords(result), { say: first });
    this.#evidence(result);
  }

  /** @param {Wire.Result} result @param {string} [file] */
  #final(result, file) {
    const words = resultWords(result);
    if (file) words.kicker = `${file} · ${words.kicker?.toLocaleLowerCase()}`;
    this.#orb.set(words.kind, "Speak again");
    this.#orb.progress(1);
    this.#hint(HINT);
    this.#answer.show(words, { actions: this.#offers(result), say: true });
    this.#evidence(result);
  }

  /** @param {Wire.Result} result */
  #offers(result) {
    if (result.status !== "unknown") return [];
    return [h("a", { className: "button primary for-enrollers", href: "#enroll" }, "Enroll this voice")];
  }

  /** @param {Wire.Result} result */
  #evidence(result) {
    const known = result.candidates.length > 0;
    $("#identify-evidence").hidden = !known;
    if (!known) return;
    this.#chart.add(result);
    showCandidates($("#identify-evidence .candidates"), result);
  }

  /** @param {unknown} error */
  #refused(error, kicker = "") {
    const { title, detail } = refusalWords(error);
    this.#orb.set("refused", "Try again");
    this.#hint("");
    this.#answer.show({ kind: "refused", kicker, title, detail }, { say: true });
  }

  #rest() {
    this.#orb.set("idle", "Speak");
    this.#clear();
    this.#hint(HINT);
  }

  #clear() {
    this.#announced = false;
    this.#answer.hide();
    this.#chart.clear();
    $("#identify-evidence .chart").hidden = false;
    $("#identify-evidence").hidden = true;
    $("#identify-file-list").hidden = true;
    this.#orb.reset();
    if (!this.busy) this.#orb.set("idle", "Speak");
  }

  /** @param {string} text */
  #hint(text, kind = "") {
    $("#identify-hint").textContent = text;
    $("#identify-hint").dataset.kind = kind;
  }

  // Recordings

  /** @param {File[]} files */
  async #take(files) {
    if (!files.length || this.busy || !(await this.#mayClose())) return;
    this.#bench.close();
    this.#clear();
    if (files.length === 1) await this.#oneFile(files[0]);
    else await this.#many.show(files);
    this.#app.refreshHealth();
  }

  // What was heard of an open recording is gone when another is opened.
  async #mayClose() {
    if (!this.#bench.isOpen) return true;
    const words = "What I heard of it is forgotten. Save it first if you need it.";
    return confirm(`Close ${this.#bench.name}?`, words, "Close it", "primary");
  }

  #closed() {
    this.#rest();
    $("#identify-title").focus({ preventScroll: true });
  }

  /** @param {File} file */
  async #oneFile(file) {
    const player = new Player(file);
    const seconds = await player.load();
    if (seconds === null ? file.size > LONG_BYTES : seconds > LONG_SECONDS)
      return this.#bench.open(file, player, seconds);
    if (await this.#severalVoices(file)) return this.#bench.open(file, player, seconds);
    player.close();
  }

  // Names a short recording; whether more than one voice was heard in it.
  /** @param {File} file */
  async #severalVoices(file) {
    this.#orb.set("thinking", "Thinking");
    this.#hint(file.name);
    let several = false;
    try {
      const result = await rest.identify(file);
      several = result.several_voices || result.audio_seconds > LONG_SECONDS;
      if (several) this.#clear();
      else this.#final(result, file.name);
      $("#identify-evidence .chart").hidden = true;
    } catch (error) {
      this.#refused(error, file.name);
    }
    this.#orb.set(this.#orb.state, "Speak");
    return several;
  }
}
