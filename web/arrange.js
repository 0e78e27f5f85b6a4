// A timeline as the workbench shows it: each turn with its voice's name and colour, overlap in lanes.

import { hue } from "./dom.js";
import { turnName } from "./turns.js";

const MOST_LANES = 4;

/** @param {Wire.Timeline | null | undefined} timeline @returns {Page.Arranged} */
export function arrange(timeline) {
  const known = new Map((timeline?.voices ?? []).map((voice) => [voice.voice, voice]));
  const free = /** @type {number[]} */ ([]);
  /** @type {Map<string, Page.Voice>} */
  const voices = new Map();
  const bars = (timeline?.turns ?? []).map((turn, i) => {
    const bar = barOf(turn, i + 1, laneOf(free, turn));
    addTo(voices, bar, known.get(turn.voice ?? 0) ?? null);
    return bar;
  });
  const longest = bars.reduce((most, bar) => Math.max(most, bar.until - bar.at), 0);
  const sorted = [...voices.values()].sort((a, b) => b.seconds - a.seconds);
  return { bars, voices: sorted, lanes: Math.max(1, free.length), longest };
}

// The first lane that is free again by then; `free`: when each is.
/** @param {number[]} free @param {Wire.TimelineTurn} turn */
function laneOf(free, turn) {
  const found = free.findIndex((until) => until <= turn.start_seconds);
  const lane = found < 0 ? Math.min(free.length, MOST_LANES - 1) : found;
  free[lane] = turn.end_seconds;
  return lane;
}

// Which turns are one voice's.
/** @param {Wire.TimelineTurn} turn */
export const keyOf = (turn) => (turn.voice ? `voice ${turn.voice}` : (turn.speaker?.id ?? turn.status));

/** @param {Wire.TimelineTurn} turn @param {number} number @param {number} lane @returns {Page.Bar} */
function barOf(turn, number, lane) {
  const { speaker, status, between = [], label, voice } = turn;
  const told = voice && !between.length ? label : turnName({ speaker, status, between });
  return {
    turn,
    number,
    at: turn.start_seconds,
    until: turn.end_seconds,
    name: speaker?.name ?? (told || "?"),
    named: speaker !== null,
    hue: speaker ? hue(speaker.id) : ((voice ?? 0) * 137.5 + 40) % 360,
    lane,
  };
}

/** @param {Map<string, Page.Voice>} voices @param {Page.Bar} bar @param {Wire.TimelineVoice | null} said */
function addTo(voices, { turn, name, named, hue, at, until }, said) {
  if (!turn.voice && !["identified", "unknown"].includes(turn.status)) return; // nobody can tell whose voice that was
  const key = keyOf(turn);
  const voice = voices.get(key) ?? { key, name, named, hue, seconds: 0, turns: 0, said };
  voice.seconds += until - at;
  voice.turns++;
  voices.set(key, voice);
}
