// The second step of enrolling: takes of reading aloud.

import { $, announce, button, confirm, count, h, score, seconds, toast } from "./dom.js";
import { CONSENT } from "./enroll-name.js";
import { MicrophoneBar } from "./microphone-bar.js";
import { Orb } from "./orb.js";
import { rest } from "./protocol.js";
import { Reading } from "./reading.js";
import { feedbackWords, isForeign, isTrouble, refusalText, refusalWords } from "./refusals.js";
import { Speaking } from "./speaking.js";

const TAKES = 3;
const GOAL_SECONDS = 5; // of speech in a take: more than the server asks for, because it makes a better voiceprint

/**
 * `speaker`: null until the first take of a new one is kept; `agreed`: consent goes with each take.
 * @typedef {{ speaker: Wire.SpeakerRef | null, name: string, agreed: boolean }} Sitting
 */

/**
 * @typedef {object} Leads
 * @property {(speaker: Wire.SpeakerRef) => void} enough
 * @property {(problem?: string) => void} back to the name, with what is wrong with it
 * @property {(speaker: Wire.SpeakerRef) => void} moved the voice is that speaker's, whose takes go on
 */

export class TakesStep {
  #app;
  #leads;
  #orb = new Orb($("#enroll-orb"));
  #reading = new Reading();
  /** @type {Speaking | null} */
  #speaking = null;
  /** @type {Sitting} */
  #sitting = { speaker: null, name: "", agreed: false };
  #isNew = true;
  #hindered = false;
  #force = false; // an operator said that the next take is this person's, however it sounds
  /** @type {Set<string>} */
  #before = new Set(); // ids of the takes that were there before this sitting
  #bar = new MicrophoneBar($("#enroll-mic"), () => !this.busy);
  /** @type {number[]} */
  #takes = []; // speech seconds of each

  /** @param {Page.App} app @param {Leads} leads */
  constructor(app, leads) {
    this.#app = app;
    this.#leads = leads;
    this.#orb.button.addEventListener("click", () => this.toggle());
    $("#enroll-done").addEventListener("click", () => this.#sitting.speaker && leads.enough(this.#sitting.speaker));
    $("#enroll-back").addEventListener("click", () => leads.back());
    $("#enroll-cancel").addEventListener("click", () => this.#discard());
  }

  get busy() {
    return this.#speaking !== null;
  }

  /** @param {Sitting} [sitting] without one the last goes on */
  begin(sitting) {
    if (sitting) {
      this.#sitting = sitting;
      this.#isNew = sitting.speaker === null;
      this.#takes = [];
      this.#remember(sitting.speaker);
    }
    this.#force = false;
    const { name } = this.#sitting;
    $("#enroll-title").textContent = this.#isNew ? `Hello, ${name}` : `More takes for ${name}`;
    $("#enroll-lede").textContent =
      "Read the text in your usual voice, where you will usually speak. The ring fills with speech, not with silence.";
    $("#enroll-similar").hidden = true;
    this.#ready("Press the button, or the space bar.");
    $("#enroll-title").focus({ preventScroll: true });
  }

  // Enrolled from recordings: further takes are this speaker's.
  /** @param {Wire.SpeakerRef} speaker */
  keep(speaker) {
    this.#sitting = { ...this.#sitting, speaker, name: speaker.name };
  }

  toggle() {
    if (this.#speaking) this.#speaking.finish();
    else this.#record();
  }

  cancel() {
    this.#bar.stop();
    this.#speaking?.cancel();
  }

  /** @param {string} text */
  #ready(text, kind = "") {
    this.#reading.show(this.#takes.length);
    this.#showTakes();
    this.#orb.reset();
    this.#orb.set("idle", "Record");
    this.#say(text, kind);
  }

  /** @param {string} text @param {string} kind */
  #say(text, kind) {
    $("#enroll-feedback").textContent = text;
    $("#enroll-feedback").dataset.kind = kind;
  }

  #showTakes() {
    const done = this.#takes.length;
    const planned = Math.max(this.#isNew ? TAKES : 1, done);
    const takes = Array.from({ length: planned }, (_, i) => {
      const words = i < done ? `Take ${i + 1}: ${seconds(this.#takes[i])}` : `Take ${i + 1}`;
      return h("li", { className: i < done ? "take done" : i === done ? "take now" : "take" }, words);
    });
    $("#enroll-takes").replaceChildren(...takes);
    $("#enroll-lede").hidden = $("#enroll-back").hidden = done > 0;
    $("#enroll-done").hidden = $("#enroll-cancel").hidden = done === 0;
  }

  async #record() {
    this.#bar.stop();
    this.#hindered = false;
    $("#enroll-done").hidden = $("#enroll-back").hidden = $("#enroll-cancel").hidden = true;
    $("#enroll-foreign").hidden = true;
    const speaking = new Speaking(this.#app.connection, this.#orb, this.#hooks());
    this.#speaking = speaking;
    try {
      const enrolled = await speaking.run({ mode: "enroll", ...this.#start() });
      this.#speaking = null;
      if (enrolled) this.#enrolled(enrolled);
      else this.#ready("That take was thrown away.");
    } catch (error) {
      this.#speaking = null;
      this.#refused(error);
    }
  }

  #start() {
    const { speaker, name, agreed } = this.#sitting;
    return { ...(speaker ? { speaker: speaker.id } : { name }), consent: agreed ? CONSENT : null, force: this.#force };
  }

  /** @returns {import("./speaking.js").Hooks} */
  #hooks() {
    const orb = this.#orb;
    return {
      listening: () => {
        orb.set("listening", "Done");
        this.#say("I am listening", "");
        announce("Listening. Read the text aloud.");
      },
      trouble: (code) => this.#trouble(code),
      progress: (message) => this.#progress(message),
      thinking: () => orb.set("thinking", "One moment"),
      pause: (heard) => (heard.speechSeconds >= goal(heard.neededSeconds) ? 0.5 : 1.6),
      enough: (heard) => heard.neededSeconds > 0 && heard.speechSeconds >= heard.neededSeconds,
      tooMuch: (heard) => heard.speechSeconds >= goal(heard.neededSeconds) + 8,
    };
  }

  // What hinders the microphone, while it does.
  /** @param {string | null} code */
  #trouble(code) {
    this.#hindered = code !== null;
    if (!code) return this.#say("I am listening", "");
    const words = refusalText({ code });
    this.#say(words, "trouble");
    announce(words);
  }

  /** @param {Wire.Progress} message */
  #progress({ speech_seconds: spoken, needed_seconds: needed, feedback }) {
    if (this.#hindered) return;
    const wanted = goal(needed);
    this.#orb.progress(spoken / wanted);
    const trouble = isTrouble(feedback);
    const full = !trouble && spoken >= wanted;
    const words = full ? "Enough: stop whenever you like" : feedbackWords(feedback);
    const said = $("#enroll-feedback").textContent ?? "";
    if (trouble && !said.startsWith(words)) announce(words);
    this.#say(`${words} · ${seconds(spoken)} of ${wanted} s`, trouble ? "trouble" : "good");
  }

  /** @param {unknown} error */
  #refused(error) {
    const { code } = refusalWords(error);
    const words = refusalText(error);
    this.#showTakes();
    if (["name_taken", "bad_name"].includes(code) && !this.#sitting.speaker) return this.#leads.back(words);
    this.#orb.set("refused", "Try again");
    this.#say(words, "trouble");
    announce(words);
    if (isForeign(error)) this.#offerForce();
  }

  #offerForce() {
    const box = $("#enroll-foreign");
    const { name } = this.#sitting;
    const insist = button(`It is ${name}: take the next one as it is`, "small ghost", () => {
      this.#force = true;
      box.hidden = true;
      this.#ready(`Once more, please. I take it as ${name}, however it sounds.`);
    });
    box.replaceChildren(insist);
    box.hidden = false;
  }

  /** @param {Wire.Enrolled} message */
  #enrolled(message) {
    const { speaker, consistency, similar_speakers: similar, warnings = [] } = message;
    this.#force = false;
    this.#sitting = { ...this.#sitting, speaker };
    this.#takes.push(message.speech_seconds);
    this.#app.refreshHealth();
    if (this.#takes.length === 1 && this.#isNew && similar.length) this.#similar(speaker, similar[0]);
    const unlike = consistency !== null && consistency < this.#app.threshold;
    const left = this.#isNew ? TAKES - this.#takes.length : 0;
    if (left <= 0 && !unlike) return this.#leads.enough(speaker);
    const thanks = `Thank you. ${left === 1 ? "One more" : `${left} more`}, with the next text.`;
    const odd = "This take sounds unlike the others. Was it the same person, at the same place?";
    const words = [unlike ? odd : thanks, ...warnings.map((warning) => warning.message)].join(" ");
    this.#ready(words, unlike || warnings.length ? "trouble" : "good");
    announce(words);
  }

  /** @param {Wire.SpeakerRef | null} speaker */
  async #remember(speaker) {
    const there = speaker ? await rest.takes(speaker.id).catch(() => null) : null;
    this.#before = new Set(there?.takes.map((take) => take.id));
  }

  // Nothing of this sitting is kept: the takes go, and with the first of them a person who was new.
  async #discard() {
    const { speaker, name } = this.#sitting;
    if (!speaker) return this.#leads.back();
    const takes = count(this.#takes.length, "take");
    if (!(await confirm("Keep nothing of this?", `The ${takes} of ${name} just made will be destroyed.`, "Throw away")))
      return;
    try {
      if (this.#isNew) await rest.forget(speaker.id);
      else
        for (const { id } of (await rest.takes(speaker.id)).takes)
          if (!this.#before.has(id)) await rest.removeTake(speaker.id, id);
      toast(`Nothing of this was kept of ${name}.`);
      this.#app.refreshHealth();
      if (this.#isNew) this.#leads.back();
      else location.hash = "#people";
    } catch (error) {
      toast(refusalText(error));
    }
  }

  /** @param {Wire.SpeakerRef} own @param {Wire.Candidate} candidate */
  #similar(own, { speaker, score: likeness }) {
    const box = $("#enroll-similar");
    const close = () => {
      box.hidden = true;
    };
    const known = typeof likeness === "number" ? ` (score ${score(likeness)})` : "";
    const words = `This voice sounds much like ${speaker.name}${known}. If it is the same person, one voiceprint with more takes works better than two.`;
    const same = button(`It is ${speaker.name}: put this voice there`, "small ghost", () => this.#moveTo(own, speaker));
    const two = button("We are two people", "small ghost", close);
    box.replaceChildren(h("p", {}, words), h("div", { className: "actions" }, same, two));
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
    announce(words);
  }

  /** @param {Wire.SpeakerRef} own @param {Wire.SpeakerRef} speaker */
  async #moveTo(own, speaker) {
    this.cancel();
    await rest.forget(own.id).catch(() => {});
    this.#leads.moved(speaker);
  }
}

/** @param {number} needed */
const goal = (needed) => Math.max(GOAL_SECONDS, needed);
