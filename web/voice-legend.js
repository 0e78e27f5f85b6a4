// The voices of a recording: name, colour, how long each speaks. A press leads to the voice's next turn.

import { clock, h } from "./dom.js";

/** @param {HTMLElement} list @param {Page.Voice[]} voices @param {(voice: Page.Voice) => void} choose */
export function showVoices(list, voices, choose) {
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.voice : undefined;
  const buttons = voices.map((voice) => voiceButton(voice, () => choose(voice)));
  list.replaceChildren(...buttons.map((button) => h("li", {}, button)));
  if (focused) buttons.find((button) => button.dataset.voice === focused)?.focus({ preventScroll: true });
}

/** @param {Page.Voice} voice @param {() => void} click */
function voiceButton({ key, name, named, hue, seconds }, click) {
  const button = h(
    "button",
    { type: "button", className: "bench-voice", title: "To the next turn of this voice", on: { click } },
    h("span", { className: named ? "swatch" : "swatch pale", ariaHidden: "true", vars: { hue } }),
    h("span", { dir: "auto" }, name),
    h("span", { className: "muted" }, clock(seconds)),
  );
  button.dataset.voice = key;
  return button;
}
