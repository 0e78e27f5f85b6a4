// Recordings instead of speaking: one file after another, so that one bad file never stops the rest.

import { count, h } from "./dom.js";
import { rest } from "./protocol.js";
import { refusalWords } from "./refusals.js";

const AUDIO = /\.(wav|flac|mp3|m4a|mp4|aac|ogg|oga|opus|webm|mka|aif|aiff|amr|3gp|wma)$/i;

/** @typedef {{ people: number, takes: number, skipped: number, last: Wire.SpeakerRef | null }} Sum */

export class Bulk {
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  // people: [{ name, files }]. Resolves with the last speaker that was made, or null.
  /** @param {Page.People} people @param {Wire.Consent} consent */
  async run(people, consent) {
    const total = people.reduce((sum, person) => sum + person.files.length, 0);
    const bar = h("progress", { max: total, value: 0, ariaLabel: "Recordings done" });
    const line = h("p", { className: "bulk-line" });
    const problems = h("ul", { className: "bulk-problems" });
    this.#root.replaceChildren(line, bar, problems);
    this.#root.hidden = false;
    const known = new Set((await rest.speakers().catch(() => [])).map((speaker) => speaker.name));
    /** @type {Sum} */
    const sum = { people: 0, takes: 0, skipped: 0, last: null };
    /** @param {string} what */
    const refuse = (what) => problems.append(h("li", {}, what));
    for (const person of people) {
      line.textContent = `${person.name} …`;
      if (known.has(person.name)) {
        refuse(`${person.name}: enrolled already, left as it is`);
        sum.skipped += person.files.length;
        bar.value += person.files.length;
      } else await this.#person(person, consent, sum, refuse, () => bar.value++);
    }
    line.textContent = `${count(sum.people, "person", "people")} enrolled from ${count(sum.takes, "recording")}${sum.skipped ? `, ${sum.skipped} left out` : ""}.`;
    return sum.last;
  }

  /**
   * @param {Page.People[number]} person
   * @param {Wire.Consent} consent
   * @param {Sum} sum
   * @param {(what: string) => void} refuse
   * @param {() => void} step
   */
  async #person({ name, files }, consent, sum, refuse, step) {
    /** @type {Wire.SpeakerRef | null} */
    let speaker = null;
    for (const file of files) {
      try {
        /** @type {Wire.Enrolled} */
        const enrolled = speaker
          ? await rest.addRecording(speaker.id, file)
          : await rest.addSpeaker(name, file, consent);
        if (!speaker) sum.people++;
        speaker = sum.last = enrolled.speaker;
        sum.takes++;
      } catch (error) {
        const { title, detail } = refusalWords(error);
        refuse(`${name}, ${file.name}: ${title}. ${detail}`);
        sum.skipped++;
      }
      step();
    }
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
