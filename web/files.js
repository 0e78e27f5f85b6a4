// Several recordings to identify, as a list.

import { $, announce, avatar, h, score } from "./dom.js";
import { rest } from "./protocol.js";
import { refusalText } from "./refusals.js";
import { resultWords } from "./words.js";

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
