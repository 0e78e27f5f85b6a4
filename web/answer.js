// The large words under the button.

import { $, announce } from "./dom.js";

export class AnswerBox {
  #root;

  constructor(root) {
    this.#root = root;
  }

  get element() {
    return this.#root;
  }

  // words: { kind, kicker, title, detail }; `actions` are buttons or links; `say` for screen readers.
  show(words, { actions = [], say = false } = {}) {
    this.#root.hidden = false;
    this.#root.dataset.kind = words.kind;
    $(".answer-kicker", this.#root).textContent = words.kicker ?? "";
    $(".answer-title", this.#root).textContent = words.title;
    $(".answer-detail", this.#root).textContent = words.detail ?? "";
    $(".actions", this.#root).replaceChildren(...actions);
    if (say) announce([words.kicker, `${words.title}.`, words.detail].filter(Boolean).join(" "));
  }

  hide() {
    this.#root.hidden = true;
    $(".actions", this.#root).replaceChildren();
  }
}
