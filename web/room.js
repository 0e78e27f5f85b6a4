// Keep listening: what is said is heard as a recording that has not ended, and the workbench shows who spoke when.

import { Microphone, orAborted } from "./recorder.js";
import { refusalWords } from "./refusals.js";

export class Room {
  running = false;
  #app;
  #orb;
  #answer;
  #bench;
  #trouble;
  #over = new AbortController();
  /** @type {Microphone | null} */
  #microphone = null;
  /** @type {ReturnType<import("./protocol.js").Connection["start"]> | null} */
  #take = null;
  #recording = "";
  #said = "";

  /**
   * @param {Page.App} app
   * @param {import("./orb.js").Orb} orb
   * @param {import("./answer.js").AnswerBox} answer
   * @param {import("./workbench.js").Workbench} bench
   * @param {(code: string | null) => void} trouble what hinders the microphone, while it does
   */
  constructor(app, orb, answer, bench, trouble) {
    this.#app = app;
    this.#orb = orb;
    this.#answer = answer;
    this.#bench = bench;
    this.#trouble = trouble;
  }

  toggle() {
    if (this.running) this.stop();
    else this.#start();
  }

  async #start() {
    this.running = true;
    this.#recording = this.#said = "";
    this.#over = new AbortController();
    const { signal } = this.#over;
    this.#orb.set("opening", "One moment");
    try {
      await orAborted(this.#app.connection.open(), signal);
      this.#microphone = await Microphone.open(
        {
          onFrame: (pcm) => this.#take?.send(pcm),
          onLevel: (level) => this.#orb.level(level),
          onTrouble: (code) => this.#hindered(code),
          onEnd: (error) => this.#fail(error),
        },
        signal,
      );
      this.#take = this.#app.connection.start({ mode: "room" }, (message) => this.#hear(message));
      this.#orb.set("listening", "Stop");
      this.#trouble(null);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** @param {string | null} code */
  #hindered(code) {
    if (!this.#take) this.#orb.set("asking", "Cancel");
    this.#trouble(code);
  }

  // The last piece of sound still goes out; what was heard stays on the workbench.
  async stop() {
    if (!this.running) return;
    this.running = false;
    this.#over.abort();
    this.#trouble(null);
    this.#answer.hide();
    this.#orb.set("idle", "Speak");
    const take = this.#take;
    await this.#microphone?.close();
    take?.stop();
    this.#take = null;
  }

  /** @param {Page.Message} message */
  #hear(message) {
    if (message.type === "error") return this.#fail(message);
    if (message.type !== "room" || this.#recording) return;
    this.#recording = message.recording;
    this.#bench.listen(message.recording, (bar) => this.#tell(bar));
  }

  // The one who spoke last, in large words.
  /** @param {Page.Bar | undefined} bar */
  #tell(bar) {
    if (!bar || !this.running) return;
    const say = bar.named && bar.name !== this.#said;
    this.#said = bar.name;
    this.#answer.show({ kind: bar.named ? "known" : "unknown", kicker: "Spoke last", title: bar.name }, { say });
  }

  /** @param {unknown} error */
  #fail(error) {
    this.stop();
    const { title, detail } = refusalWords(error);
    this.#orb.set("refused", "Try again");
    this.#answer.show({ kind: "refused", kicker: "", title, detail }, { say: true });
  }
}
