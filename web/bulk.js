// Recordings instead of speaking: one file after another, so that one bad file never stops the rest.

import { count, h } from "./dom.js";
import { rest } from "./protocol.js";
import { refusalWords } from "./words.js";

const AUDIO = /\.(wav|flac|mp3|m4a|mp4|aac|ogg|oga|opus|webm|mka|aif|aiff|amr|3gp|wma)$/i;

export class Bulk {
  #root;

  constructor(root) {
    this.#root = root;
  }

  // people: [{ name, files }]. Resolves with the last speaker that was made, or null.
  async run(people, consent) {
    const total = people.reduce((sum, person) => sum + person.files.length, 0);
    const bar = h("progress", { max: total, value: 0, ariaLabel: "Recordings done" });
    const line = h("p", { className: "bulk-line" });
    const problems = h("ul", { className: "bulk-problems" });
    this.#root.replaceChildren(line, bar, problems);
    this.#root.hidden = false;
    const known = new Set((await rest.speakers().catch(() => [])).map((speaker) => speaker.name));
    const sum = { people: 0, takes: 0, skipped: 0, last: null };
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

  async #person({ name, files }, consent, sum, refuse, step) {
    let speaker = null;
    for (const file of files) {
      try {
        const enrolled = speaker ? await rest.addRecording(speaker.id, file) : await rest.addSpeaker(name, file, consent);
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
export async function filesOf(source) {
  const found = source instanceof FileList ? [...source].map((file) => [file.webkitRelativePath, file]) : await dropped(source);
  const people = new Map();
  for (const [path, file] of found) {
    const name = path.split("/").at(-2);
    if (!name || !AUDIO.test(file.name)) continue;
    people.set(name, [...(people.get(name) ?? []), file]);
  }
  return [...people].sort(([a], [b]) => a.localeCompare(b)).map(([name, files]) => ({ name, files }));
}

async function dropped(data) {
  // The entries must be asked for before the first await; the browser forgets them after the event.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.isFile) return void found.push([entry.fullPath, await new Promise((resolve, reject) => entry.file(resolve, reject))]);
  const reader = entry.createReader();
  for (;;) {
    const children = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!children.length) return;
    for (const child of children) await walk(child, found);
  }
}
