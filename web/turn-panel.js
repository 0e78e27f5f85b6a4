// The chosen turn: who, when, why, and what a person here can say about it.

import { button, clock, count, h } from "./dom.js";
import { whyWords } from "./why.js";

/**
 * @param {HTMLElement} box
 * @param {Page.Bar | null} bar
 * @param {Page.Voice | null} voice
 * @param {Page.Voice[]} others voices that this turn may belong to
 * @param {{ playable: boolean, done: boolean, play: (bar: Page.Bar) => void, name: () => void, deny: () => void, move: (to: string) => void }} can
 */
export function showPanel(box, bar, voice, others, can) {
  if (!bar) return box.replaceChildren(h("p", { className: "muted" }, "Choose a turn to see why it has its name."));
  const channel = bar.turn.channel ? ` · channel ${bar.turn.channel}` : "";
  const times = `${clock(bar.at)} to ${clock(bar.until)} · ${(bar.until - bar.at).toFixed(1)} s${channel}`;
  box.replaceChildren(
    h("h3", { dir: "auto" }, bar.name),
    h("p", { className: "muted" }, times),
    h("p", { className: "bench-why" }, whyWords(bar.turn, voice?.said ?? null)),
    h(
      "div",
      { className: "actions" },
      can.playable && button("Play from here", "small", () => can.play(bar)),
      ...says(bar, can),
    ),
    ...hints(bar, voice, can.done),
    ...(can.done ? [mover(others, can.move)] : []),
  );
}

// Another voice's number, "0" for a stranger, "" for somebody else.
/** @param {Page.Voice[]} others @param {(to: string) => void} move */
function mover(others, move) {
  const voices = others.map(({ name, said }) => h("option", { value: `${said?.voice}`, dir: "auto" }, name));
  const rest = [h("option", { value: "0" }, "A stranger"), h("option", { value: "" }, "Somebody else …")];
  const select = h("select", { id: "bench-move" }, ...voices, ...rest);
  const label = h("label", { htmlFor: "bench-move" }, "This turn alone was");
  return h(
    "p",
    { className: "bench-tools" },
    label,
    select,
    button("Move it", "small ghost", () => move(select.value)),
  );
}

/** @param {Page.Bar} bar @param {{ done: boolean, name: () => void, deny: () => void }} can */
function says({ named, name, turn }, { done, name: ask, deny }) {
  if (!done || !turn.voice) return [];
  if (named) return [button(`Not ${name}`, "small ghost", deny)];
  return [button("That was …", "small primary for-enrollers", ask)];
}

/** @param {Page.Bar} bar @param {Page.Voice | null} voice @param {boolean} done */
function hints({ turn }, voice, done) {
  if (!turn.voice) return [];
  const turns =
    voice && voice.turns > 1 ? `What you say counts for all ${count(voice.turns, "turn")} of this voice.` : "";
  const words = done ? turns : "Names can be set right when all of it is heard.";
  return words ? [h("p", { className: "muted bench-hint" }, words)] : [];
}
