// A timeline as plain text, and in the forms that other programs read.

import { button, clock, copy, h, saveFile, toast } from "./dom.js";
import { refusalText } from "./refusals.js";

const FORMATS = { srt: "Subtitles (SRT)", vtt: "Subtitles (VTT)", csv: "Table (CSV)", rttm: "RTTM", json: "JSON" };

/** @param {{ at: number, until: number, name: string }[]} turns */
export const asText = (turns) =>
  turns.map(({ at, until, name }) => `${clock(at)} to ${clock(until)}  ${name}\n`).join("");

// A choice of forms and two buttons.
/** @param {{ name: () => string, text: () => string, save: (format: string) => Promise<Blob> }} from */
export function exportTools({ name, text, save }) {
  const formats = Object.entries(FORMATS).map(([value, words]) => h("option", { value }, words));
  const select = h("select", { ariaLabel: "Save as" }, ...formats);
  const go = async () => {
    try {
      saveFile(await save(select.value), `${name()}.${select.value}`);
    } catch (error) {
      toast(refusalText(error));
    }
  };
  return [select, button("Save", "small ghost", go), button("Copy as text", "small ghost", () => copy(text()))];
}
