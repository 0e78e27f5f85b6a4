// Recordings to identify: several as a list, a long one as a line of who spoke when.

import { $, announce, avatar, count, h, score } from "./dom.js";
import { rest } from "./protocol.js";
import { showTurns } from "./turns.js";
import { refusalText } from "./refusals.js";
import { resultWords, withWarnings } from "./words.js";

/** @typedef {{ voices: ReturnType<typeof voices>, seconds: number, warnings?: Wire.Notice[] }} Heard */

const LONG_SECONDS = 20;

export class Files {
  #list;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {File[]} files */
  async show(files) {
    const rows = files.map((file) => fileRow(file.name));
    const bar = h("progress", { max: files.length, value: 0, ariaLabel: "Recordings done" });
    this.#list.replaceChildren(h("li", { className: "files-bar" }, bar), ...rows);
    this.#list.hidden = false;
    for (const [i, file] of files.entries()) {
      await fillRow(rows[i], file);
      bar.value++;
    }
    bar.parentElement?.remove();
    announce(`${files.length} recordings done`);
  }
}

/** @param {string} name */
function fileRow(name) {
  return h(
    "li",
    { className: "file" },
    h("span", { className: "file-name" }, name),
    h("span", { className: "file-answer" }, "…"),
  );
}

/** @param {HTMLElement} row @param {File} file */
async function fillRow(row, file) {
  const answer = $(".file-answer", row);
  try {
    const result = await rest.identify(file);
    const words = resultWords(result);
    row.dataset.kind = words.kind;
    answer.textContent =
      words.kind === "known" && typeof result.score === "number"
        ? `${words.title} (${score(result.score)})`
        : words.title;
    row.prepend(avatar(result.speaker));
  } catch (error) {
    row.dataset.kind = "refused";
    answer.textContent = refusalText(error);
    row.prepend(avatar(null));
  }
}

// In a long recording, or where several voices were heard, one name says too little.
/** @param {Wire.Result} result */
export const isLong = (result) => result.several_voices || result.audio_seconds > LONG_SECONDS;

// Fills the line of time; who was heard, for how long: { voices: [{ name, seconds, known }], seconds }.
/** @param {File} file */
export async function showTimeline(file) {
  const said = await rest.timeline(file);
  const turns = said.turns.map((turn) => ({
    at: turn.start_seconds,
    until: turn.end_seconds,
    speaker: turn.speaker,
    status: turn.status,
    between: turn.between ?? [],
    channel: turn.channel,
    label: said.segmented && !turn.speaker ? turn.label : "",
  }));
  $("#room").hidden = turns.length === 0;
  showTurns({ track: $("#room .room-track"), list: $("#room .room-turns") }, turns, { end: said.audio_seconds });
  return { voices: voices(turns), seconds: said.audio_seconds, warnings: said.warnings };
}

/** @param {Page.Turn[]} turns */
function voices(turns) {
  /** @type {Map<string | undefined, { id?: string, name: string, seconds: number, known: boolean }>} */
  const found = new Map();
  for (const { speaker, status, at, until, label } of turns) {
    if (!speaker && status !== "unknown") continue;
    const voice = found.get(speaker?.id ?? label) ?? {
      id: speaker?.id,
      name: speaker?.name ?? (label || "somebody I do not know"),
      seconds: 0,
      known: speaker !== null,
    };
    voice.seconds += until - at;
    found.set(speaker?.id ?? label, voice);
  }
  return [...found.values()].sort((a, b) => b.seconds - a.seconds);
}

// Whether the turns say something else than the answer for all of it.
/** @param {Heard} heard @param {Wire.Result} result */
export const tellsMore = ({ voices: [first, second] }, { speaker }) =>
  second !== undefined || (first !== undefined && first.id !== speaker?.id);

/** @param {Heard} heard @param {string} name @returns {Page.Words} */
export function timelineWords({ voices: heard, seconds, warnings }, name) {
  const known = heard.filter((voice) => voice.known);
  const title = known.map((voice) => voice.name).join(", ") || "Nobody I know";
  const detail = heard.map((voice) => `${voice.name} ${voice.seconds.toFixed(0)} s`).join(" · ");
  return {
    kind: known.length ? "known" : "unknown",
    kicker: `${name} · ${count(heard.length, "voice")} in ${seconds.toFixed(0)} s`,
    title,
    detail: withWarnings(detail, warnings),
  };
}
