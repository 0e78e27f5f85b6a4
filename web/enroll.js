// The second view, step by step: a name and consent, a few takes of reading aloud, and a last check.

import { Check } from "./enroll-check.js";
import { NameStep } from "./enroll-name.js";
import { TakesStep } from "./enroll-takes.js";
import { $ } from "./dom.js";
import { rest } from "./protocol.js";

const STEPS = ["enroll-form", "enroll-speak", "enroll-check"];

/** @implements {Page.View} */
export class EnrollView {
  #name;
  #takes;
  #check;
  #step = 0;
  /** @type {string | null} */
  #agreed = null; // the id of a speaker who said yes just now

  /** @param {Page.App} app */
  constructor(app) {
    this.#name = new NameStep(app, {
      named: (name) => this.#toTakes({ speaker: null, name, agreed: true }),
      agreed: (speaker) => this.#toTakes({ speaker, name: speaker.name, agreed: true }),
      enrolled: (speaker) => this.#toCheck(speaker),
    });
    this.#takes = new TakesStep(app, {
      enough: (speaker) => this.#toCheck(speaker),
      back: (problem) => this.#toName(problem),
      moved: (speaker) => {
        this.#agreed = speaker.id;
        location.hash = `#enroll/${speaker.id}`;
      },
    });
    this.#check = new Check(app);
    $("#check-more").addEventListener("click", () => this.#toTakes());
    $("#check-next").addEventListener("click", () => {
      if (location.hash === "#enroll") this.enter();
      else location.hash = "#enroll";
    });
  }

  get busy() {
    return this.#takes.busy || this.#check.busy;
  }

  /** @param {string} [id] of a speaker enrolled already, who gets more takes; or `name=` and a name that was asked for */
  async enter(id) {
    this.#name.reset();
    this.#toName();
    if (!id) return;
    const asked = new URLSearchParams(id).get("name");
    if (asked) return this.#name.suggest(asked);
    const speaker = (await rest.speakers().catch(() => [])).find((one) => one.id === id);
    if (!speaker) this.#name.problem("This person is not here any more.");
    else if (this.#agreed === id) this.#toTakes({ speaker, name: speaker.name, agreed: true });
    else if (hasAgreed(speaker)) this.#toTakes({ speaker, name: speaker.name, agreed: false });
    else this.#name.askConsent(speaker);
  }

  leave() {
    this.cancel();
  }

  toggle() {
    if (this.#step === 1) this.#takes.toggle();
    else if (this.#step === 2) this.#check.toggle();
  }

  cancel() {
    this.#takes.cancel();
    this.#check.cancel();
  }

  /** @param {number} step */
  #show(step) {
    this.cancel();
    this.#step = step;
    this.#name.shown(step === 0);
    for (const [i, id] of STEPS.entries()) $(`#${id}`).hidden = i !== step;
    const items = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".steps li"));
    for (const [i, item] of items.entries()) item.dataset.state = i < step ? "done" : i === step ? "now" : "";
  }

  #toName(problem = "") {
    this.#show(0);
    $("#enroll-title").textContent = "Let me learn a voice";
    this.#name.problem(problem);
  }

  /** @param {import("./enroll-takes.js").Sitting} [sitting] a new one, or the one that was */
  #toTakes(sitting) {
    this.#show(1);
    this.#agreed = null;
    this.#takes.begin(sitting);
  }

  /** @param {Wire.SpeakerRef} speaker */
  #toCheck(speaker) {
    this.#show(2);
    this.#takes.keep(speaker);
    $("#enroll-title").textContent = `I know ${speaker.name} now`;
    $("#check-lede").textContent = "Say something else now, anything, and see whether I know you.";
    this.#check.prepare(speaker);
    $("#enroll-title").focus({ preventScroll: true });
  }
}

/** @param {Wire.SpeakerInfo} speaker */
const hasAgreed = ({ consent }) =>
  Boolean(consent) && (!consent?.expires || consent.expires >= new Date().toISOString().slice(0, 10));
