// The second view: a name and consent, a few takes of reading aloud, and a last check.

import { $, announce, button, confirm, count, dropTarget, h, score, seconds } from "./dom.js";
import { Bulk, filesOf } from "./bulk.js";
import { Check } from "./check.js";
import { Orb } from "./orb.js";
import { rest } from "./protocol.js";
import { Reading } from "./reading.js";
import { Speaking } from "./speaking.js";
import { feedbackWords, isTrouble, refusalWords } from "./words.js";

const TAKES = 3;
const GOAL_SECONDS = 5; // of speech in a take: more than the server asks for, because it makes a better voiceprint
const CONSENT = { purpose: "To tell when this person is speaking" };

export class EnrollView {
  #app;
  #orb = new Orb($("#enroll-orb"));
  #check;
  #reading = new Reading();
  #bulk;
  #speaking = null;
  #step = 0;
  #name = "";
  #speaker = null;
  #isNew = true;
  #agreed = null; // the id of somebody enrolled who said yes just now
  #takes = [];

  constructor(app) {
    this.#app = app;
    this.#bulk = new Bulk($("#bulk"));
    this.#check = new Check(app);
    $("#enroll-form").addEventListener("submit", (event) => this.#submit(event));
    $("#enroll-files").addEventListener("change", (event) => this.#fromFiles(event.target));
    $("#enroll-folder").addEventListener("change", async (event) => this.#fromFolder(await filesOf(event.target.files)));
    dropTarget($("#enroll"), async (data) => this.#step === 0 && this.#fromFolder(await filesOf(data)));
    this.#orb.button.addEventListener("click", () => this.toggle());
    $("#enroll-done").addEventListener("click", () => this.#toCheck());
    $("#enroll-back").addEventListener("click", () => this.#toForm());
    $("#check-more").addEventListener("click", () => this.#toSpeak());
    $("#check-next").addEventListener("click", () => (location.hash === "#enroll" ? this.enter() : (location.hash = "#enroll")));
  }

  get busy() {
    return this.#speaking !== null || this.#check.busy;
  }

  // `id`: somebody enrolled already, who gets more takes.
  async enter(id) {
    $("#enroll-form").reset();
    $("#enroll-name").readOnly = false;
    $(".filebutton").hidden = false;
    this.#speaker = null;
    this.#isNew = true;
    this.#takes = [];
    this.#toForm();
    if (!id) return;
    const known = await rest.speakers().catch(() => []);
    const speaker = known.find((one) => one.id === id);
    if (!speaker) return void this.#fieldError("name", "This person is not here any more.");
    this.#isNew = false;
    this.#speaker = { id: speaker.id, name: speaker.name };
    if (this.#agreed === id || hasAgreed(speaker)) this.#toSpeak();
    else this.#askConsent();
  }

  leave() {
    this.cancel();
  }

  toggle() {
    if (this.#speaking) this.#speaking.finish();
    else if (this.#step === 1) this.#record();
    else if (this.#step === 2) this.#check.toggle();
  }

  cancel() {
    this.#speaking?.cancel();
    this.#check.cancel();
  }

  // Step 1: name and consent

  #showStep(step) {
    this.#step = step;
    $("#enroll-form").hidden = $("#folder-pick").hidden = step !== 0;
    $("#bulk").hidden ||= step !== 0;
    $("#enroll-speak").hidden = step !== 1;
    $("#enroll-check").hidden = step !== 2;
    for (const [i, item] of [...document.querySelectorAll(".steps li")].entries()) item.dataset.state = i < step ? "done" : i === step ? "now" : "";
  }

  #toForm() {
    this.cancel();
    this.#fieldError("name", "");
    this.#fieldError("consent", "");
    $("#enroll-title").textContent = "Let me learn a voice";
    this.#showStep(0);
  }

  // Somebody enrolled without their consent on record, or whose consent is over, says yes before more is kept.
  #askConsent() {
    $("#enroll-title").textContent = `More takes for ${this.#speaker.name}`;
    $("#enroll-name").value = this.#speaker.name;
    $("#enroll-name").readOnly = true;
    $(".filebutton").hidden = $("#folder-pick").hidden = true;
  }

  #fieldError(field, text) {
    $(`#enroll-${field}-error`).textContent = text;
    $(`#enroll-${field}`).setAttribute("aria-invalid", text ? "true" : "false");
  }

  async #mayGoOn() {
    this.#name = $("#enroll-name").value.trim();
    const agreed = $("#enroll-consent").checked;
    const taken = this.#isNew && this.#name && (await rest.speakers().catch(() => [])).some((one) => alike(one.name, this.#name));
    const problem = !this.#name ? "Please say who this is." : taken ? "Somebody has this name already. Add takes to them under People, or choose another name." : "";
    this.#fieldError("name", problem);
    this.#fieldError("consent", agreed ? "" : "Without this I keep no voice.");
    if (problem) $("#enroll-name").focus();
    else if (!agreed) $("#enroll-consent").focus();
    return !problem && agreed;
  }

  async #submit(event) {
    event.preventDefault();
    if (!(await this.#mayGoOn())) return;
    this.#agreed = this.#speaker?.id ?? null;
    this.#toSpeak();
  }

  async #fromFiles(input) {
    const files = [...input.files];
    input.value = "";
    if (!files.length || !(await this.#mayGoOn())) return;
    const speaker = await this.#bulk.run([{ name: this.#name, files }], CONSENT);
    this.#app.refreshHealth();
    if (!speaker) return;
    this.#speaker = speaker;
    this.#toCheck();
  }

  async #fromFolder(people) {
    $("#enroll-folder").value = "";
    if (!people.length) return;
    const clips = people.reduce((sum, person) => sum + person.files.length, 0);
    const title = `Enroll ${count(people.length, "person", "people")} from ${count(clips, "recording")}?`;
    if (!(await confirm(title, "Each of them must have agreed that this server keeps a voiceprint of their voice.", "They agreed: enroll", "primary"))) return;
    await this.#bulk.run(people, CONSENT);
    this.#app.refreshHealth();
  }

  // Step 2: takes

  #toSpeak() {
    this.#showStep(1);
    const name = this.#speaker?.name ?? this.#name;
    $("#enroll-title").textContent = this.#isNew ? `Hello, ${name}` : `More takes for ${name}`;
    $("#enroll-lede").textContent = "Read the text in your usual voice, where you will usually speak. The ring fills with speech, not with silence.";
    $("#enroll-similar").hidden = true;
    this.#ready("Press the button, or the space bar.");
    $("#enroll-title").focus({ preventScroll: true });
  }

  #ready(text) {
    this.#reading.show(this.#takes.length);
    this.#showTakes();
    this.#orb.reset();
    this.#orb.set("idle", "Record");
    this.#say(text, "");
  }

  #say(text, kind) {
    $("#enroll-feedback").textContent = text;
    $("#enroll-feedback").dataset.kind = kind;
  }

  #showTakes() {
    const planned = Math.max(this.#isNew ? TAKES : 1, this.#takes.length);
    $("#enroll-takes").replaceChildren(
      ...Array.from({ length: planned }, (_, i) => {
        const done = i < this.#takes.length;
        const words = done ? `Take ${i + 1}: ${seconds(this.#takes[i])}` : `Take ${i + 1}`;
        return h("li", { className: done ? "take done" : i === this.#takes.length ? "take now" : "take" }, words);
      }),
    );
    $("#enroll-lede").hidden = this.#takes.length > 0;
    $("#enroll-done").hidden = this.#takes.length === 0;
    $("#enroll-back").hidden = this.#takes.length > 0;
  }

  async #record() {
    const orb = this.#orb;
    let told = "";
    $("#enroll-done").hidden = $("#enroll-back").hidden = true;
    this.#speaking = new Speaking(this.#app.connection, orb, {
      opening: () => orb.set("opening", "One moment"),
      listening: () => {
        orb.set("listening", "Done");
        this.#say("I am listening", "");
        announce("Listening. Read the text aloud.");
      },
      progress: (message) => {
        orb.progress(message.speech_seconds / goal(message.needed_seconds));
        const trouble = isTrouble(message.feedback);
        const full = !trouble && message.speech_seconds >= goal(message.needed_seconds);
        const words = full ? "Enough: stop whenever you like" : feedbackWords(message.feedback);
        this.#say(`${words} · ${seconds(message.speech_seconds)} of ${goal(message.needed_seconds)} s`, trouble ? "trouble" : "good");
        if (trouble && told !== message.feedback) announce((told = message.feedback) && feedbackWords(message.feedback));
      },
      thinking: () => orb.set("thinking", "One moment"),
      pause: (heard) => (heard.speechSeconds >= goal(heard.neededSeconds) ? 0.5 : 1.6),
      enough: (heard) => heard.neededSeconds > 0 && heard.speechSeconds >= heard.neededSeconds,
      tooMuch: (heard) => heard.speechSeconds >= goal(heard.neededSeconds) + 8,
    });
    try {
      const { id } = this.#speaker ?? {};
      const start = id ? { speaker: id, consent: this.#agreed === id ? CONSENT : null } : { name: this.#name, consent: CONSENT };
      const enrolled = await this.#speaking.run({ mode: "enroll", ...start });
      this.#speaking = null;
      if (enrolled) this.#enrolled(enrolled);
      else if (this.#step === 1) this.#ready("That take was thrown away.");
    } catch (error) {
      this.#speaking = null;
      this.#refused(error);
    }
  }

  #refused(error) {
    this.#showTakes();
    const { title, detail } = refusalWords(error);
    this.#orb.set("refused", "Try again");
    this.#say(`${title}. ${detail}`, "trouble");
    announce(`${title}. ${detail}`);
    if (["name_taken", "bad_name"].includes(error.code) && !this.#speaker) {
      this.#toForm();
      this.#fieldError("name", `${title}. ${detail}`);
      $("#enroll-name").focus();
    }
  }

  #enrolled(message) {
    const first = this.#takes.length === 0;
    this.#speaker = message.speaker;
    this.#takes.push(message.speech_seconds);
    this.#app.refreshHealth();
    if (first && this.#isNew && message.similar_speakers.length) this.#similar(message.similar_speakers[0]);
    const unlike = message.consistency !== null && message.consistency < this.#app.threshold;
    const done = this.#takes.length >= TAKES || !this.#isNew;
    if (done && !unlike) return this.#toCheck();
    const left = TAKES - this.#takes.length;
    const words = unlike ? "This take sounds unlike the others. Was it the same person, at the same place?" : `Thank you. ${left === 1 ? "One more" : `${left} more`}, with the next text.`;
    this.#ready(words);
    this.#say(words, unlike ? "trouble" : "good");
    announce(words);
  }

  #similar(candidate) {
    const { speaker } = candidate;
    const same = button(`It is ${speaker.name}: put this voice there`, "small ghost", () => this.#moveTo(speaker));
    const two = button("We are two people", "small ghost", () => ($("#enroll-similar").hidden = true));
    const words = `This voice sounds much like ${speaker.name}${typeof candidate.score === "number" ? ` (score ${score(candidate.score)})` : ""}. If it is the same person, one voiceprint with more takes works better than two.`;
    $("#enroll-similar").replaceChildren(h("p", {}, words), h("div", { className: "actions" }, same, two));
    $("#enroll-similar").hidden = false;
    $("#enroll-similar").scrollIntoView({ block: "nearest" });
    announce(words);
  }

  async #moveTo(speaker) {
    this.cancel();
    await rest.forget(this.#speaker.id).catch(() => {});
    this.#agreed = speaker.id;
    location.hash = `#enroll/${speaker.id}`;
  }

  // Step 3: a last check

  #toCheck() {
    this.cancel();
    this.#showStep(2);
    $("#enroll-title").textContent = `I know ${this.#speaker.name} now`;
    $("#check-lede").textContent = "Say something else now, anything, and see whether I know you.";
    this.#check.prepare(this.#speaker);
    $("#enroll-title").focus({ preventScroll: true });
  }
}

const hasAgreed = ({ consent }) => Boolean(consent) && (!consent.expires || consent.expires >= new Date().toISOString().slice(0, 10));
const goal = (needed) => Math.max(GOAL_SECONDS, needed);
const alike = (a, b) => a.normalize("NFKC").toLocaleLowerCase() === b.normalize("NFKC").toLocaleLowerCase();
