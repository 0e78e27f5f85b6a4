// The text to read aloud, in a language that the person chooses.

import { $, find, h } from "./dom.js";
import { languageOf, TEXTS } from "./texts.js";

export class Reading {
  #take = 0;
  #select = find(HTMLSelectElement, "#reading-language");

  constructor() {
    const select = this.#select;
    select.replaceChildren(...Object.entries(TEXTS).map(([code, [name]]) => h("option", { value: code }, name)));
    select.value = languageOf(navigator.language);
    select.addEventListener("change", () => this.show(this.#take));
  }

  // `take`: how many came before; each has another text.
  /** @param {number} take */
  show(take) {
    this.#take = take;
    const code = this.#select.value;
    const text = $("#reading-text");
    text.textContent = TEXTS[code][1 + (take % 3)];
    text.lang = code === "any" ? "en" : code;
  }
}
