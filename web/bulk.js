// Recordings instead of speaking: one file after another, so that one bad file never stops the rest.

import { button, count, h } from "./dom.js";
import { rest } from "./protocol.js";
import { isForeign, refusalText, refusalWords } from "./refusals.js";

const AUDIO = /\.(wav|flac|mp3|m4a|mp4|aac|ogg|oga|opus|webm|mka|aif|aiff|amr|3gp|wma)$/i;

/** @typedef {{ people: number, takes: number, skipped: number, last: Wire.SpeakerRef | null }} Sum */

export class Bulk {
  #root;
  #bar = h("progress", { ariaLabel: "Recordings done" });
  #line = h("p", { className: "bulk-line" });
  #problems = h("ul", { className: "bulk-problems" });
  /** @type {Sum} */
  #sum = { people: 0, takes: 0, skipped: 0, last: null };

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  // people: [{ name, files }]. Resolves with the last speaker that was made, or null.
  /** @param {Page.People} people @param {Wire.Consent} consent */
  async run(people, consent) {
    this.#sum = { people: 0, takes: 0, skipped: 0, last: null };
    this.#bar.max = people.reduce((sum, person) => sum + person.files.length, 0);
    this.#bar.value = 0;
    this.#problems.replaceChildren();
    this.#root.replaceChildren(this.#line, this.#bar, this.#problems);
    this.#root.hidden = false;
    const known = new Set((await rest.speakers().catch(() => [])).map((speaker) => speaker.name));
    for (const person of people) {
      this.#line.textContent = `${person.name} …`;
      if (known.has(person.name)) {
        this.#tell(`${person.name}: enrolled already, left as it is`);
        this.#skip(person.files.length);
      } else await this.#person(person, consent);
    }
    this.#summarize();
    return this.#sum.last;
  }

  // Clips too short alone wait until the others are in, and then count together.
  /** @param {Page.People[number]} person @param {Wire.Consent} consent */
  async #person({ name, files }, consent) {
    /** @type {Wire.SpeakerRef | null} */
    let speaker = null;
    /** @type {[File, unknown][]} */
    const short = [];
    /** @param {File[]} clips */
    const enroll = async (clips) => {
      const [first] = clips;
      const said = speaker ? await rest.addRecording(speaker.id, first) : await rest.addSpeaker(name, clips, consent);
      if (!speaker) this.#sum.people++;
      speaker = said.speaker;
      this.#enrolled(said, clips);
    };
    for (const file of files) {
      try {
        await enroll([file]);
      } catch (error) {
        if (refusalWords(error).code === "not_enough_speech") short.push([file, error]);
        else this.#refused(name, file, error, speaker);
      }
    }
    const together = speaker ? short.map(([file]) => [file]) : [short.map(([file]) => file)];
    for (const clips of short.length ? together : []) {
      try {
        await enroll(clips);
      } catch (error) {
        for (const file of clips) this.#refused(name, file, error, speaker);
      }
    }
    if (!speaker) this.#tell(`${name} has no voiceprint.`);
  }

  /** @param {Wire.Enrolled} said @param {File[]} clips */
  #enrolled({ speaker, similar_speakers: similar, warnings = [] }, clips) {
    this.#sum.last = speaker;
    this.#sum.takes += clips.length;
    this.#bar.value += clips.length;
    for (const { message } of warnings) this.#tell(`${speaker.name}, ${clips[0].name}: ${message}`);
    const [other] = similar;
    if (other)
      this.#tell(
        `${speaker.name} sounds much like ${other.speaker.name}. If they are one person, merge them under People.`,
      );
  }

  // What does not sound like the person is taken if an operator says so.
  /** @param {string} name @param {File} file @param {unknown} error @param {Wire.SpeakerRef | null} speaker */
  #refused(name, file, error, speaker) {
    this.#skip(1);
    const words = `${name}, ${file.name}: ${refusalText(error)}`;
    if (!speaker || !isForeign(error)) return this.#tell(words);
    const item = this.#tell(words);
    const insist = button(`It is ${name}: take it`, "small ghost for-operators", async () => {
      insist.remove();
      try {
        await rest.addRecording(speaker.id, file, true);
        this.#sum.takes++;
        this.#sum.skipped--;
        item.textContent = `${name}, ${file.name}: taken all the same`;
        this.#summarize();
      } catch (refusal) {
        item.textContent = `${name}, ${file.name}: ${refusalText(refusal)}`;
      }
    });
    item.append(" ", insist);
  }

  /** @param {number} number */
  #skip(number) {
    this.#sum.skipped += number;
    this.#bar.value += number;
  }

  /** @param {string} words */
  #tell(words) {
    const item = h("li", {}, words);
    this.#problems.append(item);
    return item;
  }

  #summarize() {
    const { people, takes, skipped } = this.#sum;
    const left = skipped ? `, ${skipped} left out` : "";
    this.#line.textContent = `${count(people, "person", "people")} enrolled from ${count(takes, "recording")}${left}.`;
  }
}

// A folder as people: the folder that holds a recording is the person's name. Takes a FileList or a DataTransfer.
/** @param {FileList | DataTransfer} source @returns {Promise<Page.People>} */
export async function filesOf(source) {
  /** @type {[string, File][]} */
  const found =
    source instanceof FileList ? [...source].map((file) => [file.webkitRelativePath, file]) : await dropped(source);
  const people = new Map();
  for (const [path, file] of found) {
    const name = path.split("/").at(-2);
    if (!name || !AUDIO.test(file.name)) continue;
    people.set(name, [...(people.get(name) ?? []), file]);
  }
  return [...people].sort(([a], [b]) => a.localeCompare(b)).map(([name, files]) => ({ name, files }));
}

/** @param {DataTransfer} data */
async function dropped(data) {
  // The entries must be asked for before the first await; the browser forgets them after the event.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.());
  /** @type {[string, File][]} */
  const found = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
}

/** @param {FileSystemEntry} entry @param {[string, File][]} found @returns {Promise<void>} */
async function walk(entry, found) {
  if (isFile(entry))
    return void found.push([entry.fullPath, await new Promise((resolve, reject) => entry.file(resolve, reject))]);
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    const children = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!children.length) return;
    for (const child of children) await walk(child, found);
  }
}

/** @param {FileSystemEntry} entry @returns {entry is FileSystemFileEntry} */
const isFile = (entry) => entry.isFile;
