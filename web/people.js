// Everybody who is enrolled: search, rename, add takes, delete.

import { $, announce, avatar, button, confirm, count, h, toast } from "./dom.js";
import { rest } from "./protocol.js";
import { refusalWords } from "./words.js";

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

export class PeopleView {
  busy = false;
  #app;
  #speakers = [];
  #renaming = null;

  constructor(app) {
    this.#app = app;
    $("#people-search").addEventListener("input", () => this.#show());
  }

  enter() {
    this.#renaming = null;
    return this.#load();
  }

  leave() {}
  toggle() {}
  cancel() {}

  async #load() {
    try {
      this.#speakers = await rest.speakers();
      this.#show();
    } catch (error) {
      this.#say(refusalWords(error).title);
    }
  }

  #show() {
    const search = $("#people-search").value.trim().toLocaleLowerCase();
    const found = this.#speakers.filter((speaker) => speaker.name.toLocaleLowerCase().includes(search));
    const everybody = this.#speakers.length;
    $("#people-lede").textContent = everybody ? `${count(everybody, "voiceprint")}, sealed on this server. No recording is kept.` : "I know nobody yet. Enroll somebody, and I can name them.";
    $(".search").hidden = everybody === 0;
    $("#people-list").replaceChildren(...found.map((speaker) => this.#row(speaker)));
    $("#people-list").hidden = found.length === 0;
    this.#say(everybody && !found.length ? "Nobody here has such a name." : "");
  }

  #say(text) {
    $("#people-empty").textContent = text;
    $("#people-empty").hidden = !text;
  }

  #row(speaker) {
    if (this.#renaming === speaker.id) return this.#renameRow(speaker);
    const facts = [count(speaker.enrollments, "take"), `${speaker.speech_seconds_total.toFixed(0)} s`, `since ${DAY.format(new Date(speaker.created_at))}`];
    const act = (label, kind, does) => {
      const made = button(label, kind, does);
      made.setAttribute("aria-label", `${label}: ${speaker.name}`);
      return made;
    };
    return h(
      "li",
      { className: "person" },
      avatar(speaker),
      h("div", { className: "person-words" }, h("span", { className: "person-name", dir: "auto" }, speaker.name), h("span", { className: "person-facts" }, facts.join(" · "))),
      h(
        "div",
        { className: "person-actions" },
        h("a", { className: "button small ghost", href: `#enroll/${speaker.id}`, ariaLabel: `Add takes: ${speaker.name}` }, "Add takes"),
        act("Rename", "small ghost", () => this.#startRename(speaker)),
        act("Delete", "small ghost danger", () => this.#delete(speaker)),
      ),
    );
  }

  #startRename(speaker) {
    this.#renaming = speaker.id;
    this.#show();
    $("#rename").select();
  }

  #renameRow(speaker) {
    const stop = () => {
      this.#renaming = null;
      this.#show();
    };
    const field = h("input", { type: "text", id: "rename", value: speaker.name, maxLength: 100, ariaLabel: `New name for ${speaker.name}` });
    const problem = h("p", { className: "field-error", role: "alert" });
    const save = async (event) => {
      event.preventDefault();
      try {
        await rest.rename(speaker.id, field.value);
        this.#renaming = null;
        await this.#load();
        toast("The name is changed.");
      } catch (error) {
        const { title, detail } = refusalWords(error);
        problem.textContent = `${title}. ${detail}`;
      }
    };
    const form = h("form", { className: "rename", on: { submit: save, keydown: (event) => event.key === "Escape" && stop() } });
    form.append(field, h("button", { type: "submit", className: "button small primary" }, "Save"), button("Leave it", "small ghost", stop));
    return h("li", { className: "person renaming" }, avatar(speaker), h("div", { className: "person-words" }, form, problem));
  }

  async #delete(speaker) {
    const what = `The voiceprint (${count(speaker.enrollments, "take")}) is destroyed together with its key, and this voice becomes a stranger. This cannot be undone.`;
    if (!(await confirm(`Delete ${speaker.name}?`, what, "Delete"))) return;
    try {
      const gone = await rest.forget(speaker.id);
      toast(`The voiceprint of ${speaker.name} was destroyed (${count(gone.enrollments, "take")}).`);
    } catch (error) {
      announce(refusalWords(error).title);
      toast(refusalWords(error).title);
    }
    await this.#load();
    this.#app.refreshHealth();
    $("#people-title").focus();
  }
}
