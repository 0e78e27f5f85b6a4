// Who spoke when: bars on a line of time, and the same as a list.

import { avatar, clock, h, hue, seconds } from "./dom.js";

/** @type {Record<string, string>} */
const UNNAMED = {
  unknown: "Somebody I do not know",
  ambiguous: "Too close to tell apart",
  not_enough_speech: "Too short to tell",
};

// The bars of those who spoke between `start` and `end`, in seconds.
/** @param {HTMLElement} track @param {Page.Turn[]} turns @param {number} start @param {number} end */
export function showTrack(track, turns, start, end) {
  const shown = turns.filter((turn) => turn.until > start);
  track.replaceChildren(...shown.map((turn) => bar(turn, start, end)));
}

/** @param {Pick<Page.Turn, "speaker" | "status" | "between" | "label">} turn */
export function turnName({ speaker, status, between, label }) {
  if (speaker) return speaker.name;
  if (between.length) return `${between.map((one) => one.name).join(" or ")}, too close to tell`;
  return (status === "unknown" && label) || (UNNAMED[status] ?? "?");
}

/** @param {Page.Turn} turn @param {number} start @param {number} end */
function bar(turn, start, end) {
  /** @param {number} span */
  const share = (span) => `${(100 * span) / (end - start)}%`;
  const from = Math.max(turn.at, start);
  const made = h("span", {
    className: "room-bar",
    title: `${turnName(turn)}, ${clock(turn.at)}`,
    vars: { at: share(from - start), length: share(turn.until - from) },
  });
  if (turn.speaker) made.style.setProperty("--hue", `${hue(turn.speaker.id)}`);
  else made.classList.add("nobody");
  return made;
}

/** @param {Page.Turn} turn */
export function turnRow(turn) {
  return h(
    "li",
    { className: "turn" },
    h("span", { className: "turn-at" }, clock(turn.at)),
    avatar(turn.speaker),
    h("span", { className: "turn-name", dir: "auto" }, turnName(turn)),
    h(
      "span",
      { className: "turn-seconds" },
      `${turn.channel ? `channel ${turn.channel} · ` : ""}${seconds(turn.until - turn.at)}`,
    ),
  );
}
