// The large words under the button.

import { $, announce, h } from "./dom.js";
import { percent } from "./words.js";

export class AnswerBox {
  #root;
  #percent = h("span");
  #sure = h(
    "p",
    { className: "sureness", hidden: true },
    h("span", { className: "sureness-bar", ariaHidden: "true" }),
    this.#percent,
  );

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    $(".answer-title", root).after(this.#sure);
  }

  get element() {
    return this.#root;
  }

  // words: { kind, kicker, title, detail, sure }; `actions` are buttons or links; `say` for screen readers.
  /** @param {Page.Words} words @param {{ actions?: Node[], say?: boolean }} [how] */
  show(words, { actions = [], say = false } = {}) {
    this.#root.hidden = false;
    this.#root.dataset.kind = words.kind;
    $(".answer-kicker", this.#root).textContent = words.kicker ?? "";
    $(".answer-title", this.#root).textContent = words.title;
    $(".answer-detail", this.#root).textContent = words.detail ?? "";
    $(".actions", this.#root).replaceChildren(...actions);
    this.#showSure(words.sure ?? null);
    if (say) announce([words.kicker, `${words.title}.`, words.detail].filter(Boolean).join(" "));
  }

  /** @param {number | null} sure */
  #showSure(sure) {
    this.#sure.hidden = sure === null;
    if (sure === null) return;
    this.#sure.style.setProperty("--sure", percent(sure).replace(" ", ""));
    this.#percent.textContent = `${percent(sure)} sure`;
  }

  hide() {
    this.#root.hidden = true;
    $(".actions", this.#root).replaceChildren();
  }
}
