// The first step of enrolling: a name and consent; or recordings, of one person or of a folder of people.

import { Bulk, filesOf } from "./bulk.js";
import { $, confirm, count, dropTarget, find } from "./dom.js";
import { rest } from "./protocol.js";
import { alike } from "./words.js";

export const CONSENT = { purpose: "To tell when this person is speaking" };

/**
 * @typedef {object} Leads
 * @property {(name: string) => void} named a new speaker is to speak
 * @property {(speaker: Wire.SpeakerRef) => void} agreed a speaker enrolled already is to speak
 * @property {(speaker: Wire.SpeakerRef) => void} enrolled from recordings
 */

export class NameStep {
  #app;
  #leads;
  #bulk = new Bulk($("#bulk"));
  #field = find(HTMLInputElement, "#enroll-name");
  #form = find(HTMLFormElement, "#enroll-form");
  #consent = find(HTMLInputElement, "#enroll-consent");
  /** @type {Wire.SpeakerRef | null} */
  #speaker = null; // enrolled already, without consent on record
  #here = true;

  /** @param {Page.App} app @param {Leads} leads */
  constructor(app, leads) {
    this.#app = app;
    this.#leads = leads;
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    const files = find(HTMLInputElement, "#enroll-files");
    files.addEventListener("change", () => this.#fromFiles(files));
    const folder = find(HTMLInputElement, "#enroll-folder");
    folder.addEventListener("change", async () => {
      const people = await filesOf(/** @type {FileList} */ (folder.files));
      folder.value = "";
      await this.#fromFolder(people);
    });
    dropTarget($("#enroll"), async (data) => this.#here && this.#fromFolder(await filesOf(data)));
  }

  reset() {
    this.#form.reset();
    this.#field.readOnly = false;
    $(".filebutton").hidden = false;
    this.#speaker = null;
  }

  /** @param {boolean} here */
  shown(here) {
    this.#here = here;
    $("#folder-pick").hidden = !here;
    $("#bulk").hidden ||= !here;
  }

  // A name that an assistant asked for: nothing is done before a person says that it is right.
  /** @param {string} name */
  suggest(name) {
    this.#field.value = name;
    this.#field.focus();
  }

  // A speaker without consent on record, or whose consent is over, says yes before more is kept.
  /** @param {Wire.SpeakerRef} speaker */
  askConsent(speaker) {
    this.#speaker = speaker;
    $("#enroll-title").textContent = `More takes for ${speaker.name}`;
    this.#field.value = speaker.name;
    this.#field.readOnly = true;
    $(".filebutton").hidden = $("#folder-pick").hidden = true;
  }

  /** @param {string} words with the name; none: all is well */
  problem(words) {
    this.#error("name", words);
    this.#error("consent", "");
    if (words) this.#field.focus();
  }

  /** @param {"name" | "consent"} field @param {string} words */
  #error(field, words) {
    $(`#enroll-${field}-error`).textContent = words;
    $(`#enroll-${field}`).setAttribute("aria-invalid", words ? "true" : "false");
  }

  // The name, or nothing where a person has to write or tick something first.
  async #agreed() {
    const name = this.#field.value.trim();
    const known = this.#speaker || !name ? [] : await rest.speakers().catch(() => []);
    const taken = known.some((one) => alike(one.name, name));
    if (taken) this.problem("Somebody has this name already. Add takes to them under People, or choose another name.");
    else this.problem(name ? "" : "Please say who this is.");
    const agreed = this.#consent.checked;
    if (!agreed) this.#error("consent", "Without this I keep no voice.");
    if (!agreed && name && !taken) this.#consent.focus();
    return agreed && !taken ? name : "";
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const name = await this.#agreed();
    if (!name) return;
    if (this.#speaker) this.#leads.agreed(this.#speaker);
    else this.#leads.named(name);
  }

  /** @param {HTMLInputElement} input */
  async #fromFiles(input) {
    const files = [...(input.files ?? [])];
    input.value = "";
    const name = files.length ? await this.#agreed() : "";
    if (!name) return;
    const speaker = await this.#bulk.run([{ name, files }], CONSENT);
    this.#app.refreshHealth();
    if (speaker) this.#leads.enrolled(speaker);
  }

  /** @param {Page.People} people */
  async #fromFolder(people) {
    if (!people.length) return;
    const clips = people.reduce((sum, person) => sum + person.files.length, 0);
    const title = `Enroll ${count(people.length, "person", "people")} from ${count(clips, "recording")}?`;
    const words = "Each of them must have agreed that this server keeps a voiceprint of their voice.";
    if (!(await confirm(title, words, "They agreed: enroll", "primary"))) return;
    await this.#bulk.run(people, CONSENT);
    this.#app.refreshHealth();
  }
}
