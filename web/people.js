// Everybody who is enrolled: search, rename, add takes, save what is known, delete; and a map of who sounds like whom.

import { $, announce, button, confirm, count, find, h, save, toast } from "./dom.js";
import { personRow, renameRow } from "./person.js";
import { rest } from "./protocol.js";
import { drawMap } from "./voicemap.js";
import { refusalWords } from "./refusals.js";

export class PeopleView {
  busy = false;
  #app;
  /** @type {Wire.SpeakerInfo[]} */
  #speakers = [];
  /** @type {Map<string, Wire.MapPlace>} */
  #places = new Map();
  /** @type {Wire.VoiceMap | null} */
  #map = null;
  /** @type {string | null} */
  #renaming = null;
  #search = find(HTMLInputElement, "#people-search");

  /** @param {Page.App} app */
  constructor(app) {
    this.#app = app;
    this.#search.addEventListener("input", () => this.#show());
    addEventListener("resize", () => this.#drawMap());
  }

  enter() {
    this.#renaming = null;
    $("#people-receipt").hidden = true;
    return this.#load();
  }

  leave() {}
  toggle() {}
  cancel() {}

  async #load() {
    try {
      this.#speakers = await rest.speakers();
      this.#show();
      await this.#loadMap();
    } catch (error) {
      this.#say(refusalWords(error).title);
    }
  }

  // Who may not see the map sees the list without it.
  async #loadMap() {
    const map = this.#speakers.length > 1 ? await rest.map().catch(() => null) : null;
    this.#places = new Map(map?.places.map((place) => [place.speaker.id, place]));
    this.#map = map;
    $("#voice-map").hidden = !map;
    if (!map) return;
    this.#drawMap();
    if (!this.#renaming) this.#show();
  }

  #drawMap() {
    if (this.#map && !$("#people").hidden) drawMap($("#voice-map"), this.#map, (id) => this.#find(id));
  }

  /** @param {string} id */
  #find(id) {
    this.#search.value = "";
    this.#show();
    const row = document.getElementById(`person-${id}`);
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
  }

  #show() {
    const search = this.#search.value.trim().toLocaleLowerCase();
    const found = this.#speakers.filter((speaker) =>
      [speaker.name, ...(speaker.groups ?? [])].some((word) => word.toLocaleLowerCase().includes(search)),
    );
    const everybody = this.#speakers.length;
    const open = new Set([...document.querySelectorAll(".person-more[open]")].map((more) => more.parentElement?.id));
    $("#people-lede").textContent = everybody
      ? `${count(everybody, "voiceprint")}, sealed on this server. No recording is kept.`
      : "I know nobody yet. Enroll somebody, and I can name them.";
    $(".search").hidden = everybody === 0;
    $("#people-list").replaceChildren(...found.map((speaker) => this.#row(speaker)));
    for (const id of open) document.querySelector(`#${id} .person-more`)?.setAttribute("open", "");
    $("#people-list").hidden = found.length === 0;
    this.#say(everybody && !found.length ? "Nobody here has such a name." : "");
  }

  /** @param {string} text */
  #say(text) {
    $("#people-empty").textContent = text;
    $("#people-empty").hidden = !text;
  }

  /** @param {Wire.SpeakerInfo} speaker */
  #row(speaker) {
    const stop = () => this.#rename(null);
    if (this.#renaming === speaker.id)
      return renameRow(speaker, { stop, save: (name) => this.#renamed(speaker, name) }, sentence);
    return personRow(speaker, this.#places.get(speaker.id), {
      rename: () => this.#rename(speaker.id),
      save: () => this.#save(speaker),
      unlock: () => this.#unlock(speaker),
      remove: () => this.#delete(speaker),
    });
  }

  /** @param {string | null} id */
  #rename(id) {
    this.#renaming = id;
    this.#show();
    if (id) find(HTMLInputElement, "#rename").select();
  }

  /** @param {Wire.SpeakerInfo} speaker @param {string} name */
  async #renamed(speaker, name) {
    await rest.rename(speaker.id, name);
    this.#renaming = null;
    await this.#load();
    toast("The name is changed.");
  }

  /** @param {Wire.SpeakerInfo} speaker */
  async #save(speaker) {
    try {
      save(await rest.whatIsKnown(speaker.id), `voiceprint-${speaker.name}.json`);
    } catch (error) {
      toast(sentence(error));
    }
  }

  /** @param {Wire.SpeakerInfo} speaker */
  async #unlock(speaker) {
    try {
      const { rejections } = await rest.unlock(speaker.id);
      toast(
        rejections
          ? `${count(rejections, "wrong claim")} to be ${speaker.name}: forgotten.`
          : `No wrong claims to be ${speaker.name} are counted.`,
      );
    } catch (error) {
      toast(sentence(error));
    }
  }

  /** @param {Wire.SpeakerInfo} speaker */
  async #delete(speaker) {
    const what = `The voiceprint (${count(speaker.enrollments, "take")}) is destroyed together with its key, and this voice becomes a stranger. This cannot be undone.`;
    if (!(await confirm(`Delete ${speaker.name}?`, what, "Delete"))) return;
    try {
      this.#receipt(speaker, await rest.forget(speaker.id));
    } catch (error) {
      announce(refusalWords(error).title);
      toast(refusalWords(error).title);
    }
    await this.#load();
    this.#app.refreshHealth();
    $("#people-title").focus();
  }

  // What was destroyed, and the paper for whose it was.
  /** @param {Wire.SpeakerInfo} speaker @param {Wire.Forgotten} forgotten */
  #receipt(speaker, { enrollments, receipt }) {
    const words = `The voiceprint of ${speaker.name} was destroyed (${count(enrollments, "take")}).`;
    const box = $("#people-receipt");
    const when = new Date(`${receipt.erased_at}`).toLocaleString();
    const left = receipt.log_cleared
      ? "Nothing of it is left in the server's files."
      : "Its last traces leave the server's files at the next start.";
    box.replaceChildren(
      h("p", { className: "receipt-title" }, words),
      h("p", { className: "receipt-facts" }, `${when} · erasure ${receipt.epoch} · signed by this server. ${left}`),
      h(
        "div",
        { className: "actions" },
        button("Save the receipt", "small primary", () => save(receipt, `receipt-${receipt.speaker}.json`)),
        button("Close", "small ghost", () => (box.hidden = true)),
      ),
    );
    box.hidden = false;
    announce(words);
  }
}

/** @param {unknown} error */
function sentence(error) {
  const { title, detail } = refusalWords(error);
  return [`${title}.`, detail].filter(Boolean).join(" ");
}
