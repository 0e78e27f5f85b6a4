// All who are enrolled: found, sorted, renamed, merged, given more takes, deleted; and a map of who sounds like whom.

import { $, announce, button, confirm, count, find, h, save, toast } from "./dom.js";
import { merge } from "./merge.js";
import { chosen, groupsOf } from "./people-list.js";
import { personRow, renameRow } from "./person.js";
import { rest } from "./protocol.js";
import { refusalText } from "./refusals.js";
import { showUndo } from "./undo.js";
import { drawMap } from "./voicemap.js";

const PAGE = 50;

/** @implements {Page.View} */
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
  #shown = PAGE;
  #search = find(HTMLInputElement, "#people-search");
  #order = find(HTMLSelectElement, "#people-order");
  #only = find(HTMLSelectElement, "#people-only");

  /** @param {Page.App} app */
  constructor(app) {
    this.#app = app;
    for (const field of [this.#search, this.#order, this.#only])
      field.addEventListener("input", () => {
        this.#shown = PAGE;
        this.#show();
      });
    $("#people-more").addEventListener("click", () => this.#showMore());
    addEventListener("resize", () => this.#drawMap());
  }

  enter() {
    this.#renaming = null;
    $("#people-receipt").hidden = true;
    return this.reload();
  }

  leave() {}
  toggle() {}
  cancel() {}

  async reload() {
    try {
      this.#speakers = await rest.speakers();
      this.#offerGroups();
      this.#show();
      await Promise.all([this.#loadMap(), showUndo(() => this.#changed())]);
    } catch (error) {
      this.#say(
        refusalText(error),
        button("Try again", "small ghost", () => this.reload()),
      );
    }
  }

  #changed() {
    this.#app.refreshHealth();
    return this.reload();
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
    this.#only.value = "all";
    this.#shown = Math.max(this.#shown, this.#chosen().findIndex((one) => one.id === id) + 1);
    this.#show();
    const row = document.getElementById(`person-${id}`);
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
  }

  #offerGroups() {
    const options = { all: "Everybody", attention: "Needs attention" };
    const groups = groupsOf(this.#speakers).map((group) => [`group:${group}`, `Group ${group}`]);
    const { value } = this.#only;
    const all = [...Object.entries(options), ...groups];
    this.#only.replaceChildren(...all.map(([id, words]) => h("option", { value: id }, words)));
    this.#only.value = all.some(([id]) => id === value) ? value : "all";
  }

  #chosen() {
    const wish = { words: this.#search.value, order: this.#order.value, only: this.#only.value };
    return chosen(this.#speakers, { ...wish, alike: (id) => this.#places.get(id)?.alike ?? false });
  }

  #show() {
    const found = this.#chosen();
    const total = this.#speakers.length;
    const open = new Set([...document.querySelectorAll(".person-more[open]")].map((more) => more.parentElement?.id));
    const many = found.length === total ? "" : `, ${found.length} of them listed`;
    $("#people-lede").textContent = total
      ? `${count(total, "voiceprint")}${many}, sealed on this server. No recording is kept.`
      : "I know nobody yet. Enroll somebody, and I can name them.";
    for (const tool of ["#people-filter", ".search"]) $(tool).hidden = total === 0;
    $("#people-list").replaceChildren(...found.slice(0, this.#shown).map((speaker) => this.#row(speaker)));
    for (const id of open) document.querySelector(`#${id} .person-more`)?.setAttribute("open", "");
    $("#people-list").hidden = found.length === 0;
    const left = found.length - this.#shown;
    $("#people-more").hidden = left <= 0;
    $("#people-more").textContent = `Show ${Math.min(left, PAGE)} more of ${left}`;
    this.#say(total && !found.length ? "Nobody here fits that." : "");
  }

  #showMore() {
    const first = this.#chosen()[this.#shown];
    this.#shown += PAGE;
    this.#show();
    document.getElementById(`person-${first.id}`)?.focus();
  }

  /** @param {string} text @param {...Node} actions */
  #say(text, ...actions) {
    $("#people-empty").replaceChildren(text, " ", ...actions);
    $("#people-empty").hidden = !text;
  }

  /** @param {Wire.SpeakerInfo} speaker */
  #row(speaker) {
    const stop = () => this.#rename(null);
    if (this.#renaming === speaker.id)
      return renameRow(speaker, { stop, save: (name) => this.#renamed(speaker, name) });
    return personRow(speaker, this.#places.get(speaker.id), {
      rename: () => this.#rename(speaker.id),
      save: () => this.#save(speaker),
      unlock: () => this.#unlock(speaker),
      remove: () => this.#delete(speaker),
      merge: this.#speakers.length > 1 ? () => this.#merge(speaker) : null,
      changed: () => this.#changed(),
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
    await this.reload();
    toast("The name is changed.");
  }

  /** @param {Wire.SpeakerInfo} speaker */
  async #merge(speaker) {
    const others = this.#speakers.filter((one) => one.id !== speaker.id);
    if (await merge(speaker, others, this.#places.get(speaker.id)?.closest?.id)) await this.#changed();
  }

  /** @param {Wire.SpeakerInfo} speaker */
  async #save(speaker) {
    try {
      save(await rest.whatIsKnown(speaker.id), `voiceprint-${speaker.name}.json`);
    } catch (error) {
      toast(refusalText(error));
    }
  }

  /** @param {Wire.SpeakerInfo} speaker */
  async #unlock({ id, name }) {
    try {
      const { rejections } = await rest.unlock(id);
      const some = `${count(rejections, "wrong claim")} to be ${name}: forgotten.`;
      toast(rejections ? some : `No wrong claims to be ${name} are counted.`);
    } catch (error) {
      toast(refusalText(error));
    }
  }

  /** @param {Wire.SpeakerInfo} speaker */
  async #delete(speaker) {
    const what = `The voiceprint (${count(speaker.enrollments, "take")}) is destroyed together with its key, and this voice becomes a stranger. This cannot be undone.`;
    if (!(await confirm(`Delete ${speaker.name}?`, what, "Delete"))) return;
    try {
      this.#receipt(speaker, await rest.forget(speaker.id));
    } catch (error) {
      toast(refusalText(error));
    }
    await this.#changed();
    $("#people-title").focus();
  }

  // What was destroyed, and the paper for whose it was.
  /** @param {Wire.SpeakerInfo} speaker @param {Wire.Forgotten} forgotten */
  #receipt(speaker, { enrollments, receipt }) {
    const words = `The voiceprint of ${speaker.name} was destroyed (${count(enrollments, "take")}).`;
    const box = $("#people-receipt");
    const close = () => {
      box.hidden = true;
    };
    const when = new Date(`${receipt.erased_at}`).toLocaleString();
    const left = receipt.log_cleared
      ? "Nothing of it is left in the server's files."
      : "Its last traces leave the server's files at the next start.";
    const late =
      Array.isArray(receipt.unconfirmed) && receipt.unconfirmed.length
        ? ` Not yet confirmed by ${receipt.unconfirmed.join(", ")}.`
        : "";
    box.replaceChildren(
      h("p", { className: "receipt-title" }, words),
      h(
        "p",
        { className: "receipt-facts" },
        `${when} · erasure ${receipt.epoch} · signed by this server. ${left}${late}`,
      ),
      h(
        "div",
        { className: "actions" },
        button("Save the receipt", "small primary", () => save(receipt, `receipt-${receipt.speaker}.json`)),
        button("Close", "small ghost", close),
      ),
    );
    box.hidden = false;
    announce(words);
  }
}
