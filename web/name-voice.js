// "That was NAME": an unnamed voice of a recording is somebody enrolled, or somebody new who agrees to be.

import { CONSENT } from "./enroll-name.js";
import { button, h } from "./dom.js";
import { rest } from "./protocol.js";
import { isForeign, refusalText, refusalWords } from "./refusals.js";
import { alike } from "./words.js";

/**
 * Resolves when the dialog is closed. `save` raises what the server refuses.
 * @param {string} label what the voice is called so far
 * @param {string} lack why it cannot be learnt; nothing where it can
 * @param {(naming: Wire.ThatWas) => Promise<void>} save
 */
export async function nameVoice(label, lack, save) {
  const speakers = await rest.speakers().catch(() => []);
  const { promise, resolve } = Promise.withResolvers();
  const dialog = new NamingDialog(label, lack, speakers, save);
  dialog.element.addEventListener("close", () => {
    dialog.element.remove();
    resolve(undefined);
  });
  document.body.append(dialog.element);
  dialog.element.showModal();
  return promise;
}

class NamingDialog {
  #lack;
  #speakers;
  #save;
  #force = false;
  #expired = false; // the consent of this speaker is missing, or over
  #name = h("input", { type: "text", id: "naming-name", maxLength: 100, required: true, spellcheck: false });
  #learn = h("input", { type: "checkbox", id: "naming-learn" });
  #consent = h("input", { type: "checkbox", id: "naming-consent" });
  #learnRow = h("label", { className: "check" }, this.#learn, h("span", {}, "Learn from this recording, too"));
  #consentRow = h("label", { className: "check" }, this.#consent, h("span", {}, consentWords()));
  #told = h("p", { className: "muted", role: "status" });
  #problem = h("p", { className: "field-error", role: "alert" });
  #yes = h("button", { type: "submit", className: "button primary" }, "Save");

  /** @param {string} label @param {string} lack @param {Wire.SpeakerInfo[]} speakers @param {(naming: Wire.ThatWas) => Promise<void>} save */
  constructor(label, lack, speakers, save) {
    this.#lack = lack;
    this.#speakers = speakers;
    this.#save = save;
    this.#learn.checked = !lack;
    this.#name.setAttribute("list", "naming-names");
    this.#name.autocomplete = "off";
    this.element = h("dialog", { className: "dialog", "aria-labelledby": "naming-title" }, this.#form(label));
    this.#name.addEventListener("input", () => this.#renamed());
    this.#learn.addEventListener("change", () => this.#renamed());
    this.#show();
  }

  /** @param {string} label */
  #form(label) {
    const names = this.#speakers.map((speaker) => h("option", { value: speaker.name }));
    const cancel = button("Cancel", "ghost", () => this.element.close());
    const form = h(
      "form",
      { noValidate: true, on: { submit: (/** @type {SubmitEvent} */ event) => this.#submit(event) } },
      h("h2", { id: "naming-title" }, `${label} was …`),
      h("label", { className: "field" }, h("span", {}, "Name"), this.#name),
      h("datalist", { id: "naming-names" }, ...names),
      this.#told,
      this.#learnRow,
      this.#consentRow,
      this.#problem,
      h("div", { className: "actions" }, cancel, this.#yes),
    );
    return form;
  }

  #renamed() {
    this.#force = this.#expired = false;
    this.#problem.textContent = "";
    this.#yes.textContent = "Save";
    this.#show();
  }

  get #known() {
    return this.#speakers.find((speaker) => alike(speaker.name, this.#name.value.trim()));
  }

  #show() {
    const [name, known] = [this.#name.value.trim(), this.#known];
    this.#learnRow.hidden = !known || this.#lack !== "";
    this.#consentRow.hidden = known ? !(this.#expired && this.#learn.checked) : !name || this.#lack !== "";
    this.#told.textContent = name ? this.#words(known) : "";
  }

  /** @param {Wire.SpeakerInfo | undefined} known */
  #words(known) {
    if (this.#lack && !known) return `${this.#lack} Choose a person who is enrolled.`;
    if (!known) return "A new person, enrolled from this recording.";
    return this.#learn.checked ? `${known.name} is enrolled; this voice is added.` : "Only this recording is changed.";
  }

  /** @returns {Wire.ThatWas | string} what to send, or what is missing */
  #naming() {
    const [name, known] = [this.#name.value.trim(), this.#known];
    if (!name) return "Please say who this was.";
    if (known && !this.#learn.checked) return { speaker: known.id, learn: false };
    if (!known && this.#lack) return this.#words(known);
    if (!this.#consentRow.hidden && !this.#consent.checked) return "Without this I keep no voice.";
    if (!known) return { name, consent: CONSENT };
    return { speaker: known.id, ...(this.#expired && { consent: CONSENT }), ...(this.#force && { force: true }) };
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const naming = this.#naming();
    if (typeof naming === "string") return this.#refuse(naming);
    this.#yes.disabled = true;
    try {
      await this.#save(naming);
      this.element.close();
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#yes.disabled = false;
    }
  }

  /** @param {string} words */
  #refuse(words) {
    this.#problem.textContent = words;
    if (!this.#consentRow.hidden && this.#name.value.trim()) this.#consent.focus();
    else this.#name.focus();
  }

  /** @param {unknown} error */
  #refused(error) {
    this.#expired ||= refusalWords(error).code.startsWith("consent_");
    this.#force = isForeign(error) && mayForce();
    if (this.#force) this.#yes.textContent = "It is them all the same: save";
    this.#show();
    this.#refuse(refusalText(error));
  }
}

const mayForce = () => !["enroll", "identify"].includes(document.body.dataset.may ?? "");

// The words of enrolling, which the page holds already.
const consentWords = () => document.querySelector("#enroll-consent + span")?.textContent ?? "";
