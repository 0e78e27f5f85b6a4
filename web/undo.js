// The last change of speakers, and the way back, for as long as there is one.

import { $, button, count, h, toast } from "./dom.js";
import { rest } from "./protocol.js";
import { refusalText } from "./refusals.js";

/** @type {Record<Wire.ChangeInfo["event"], (names: string[], takes: string) => string>} */
const SAID = {
  enrolled: ([name], takes) => `${takes} of ${name} added`,
  take_removed: ([name], takes) => `${takes} of ${name} removed`,
  merged: ([kept, other]) => `${other ?? "Another entry"} merged into ${kept}`,
  renamed: ([name]) => `Renamed: ${name}`,
  grouped: ([name]) => `Groups of ${name} changed`,
  consent: ([name]) => `Consent of ${name} changed`,
  updated: ([name], takes) => `Consent of ${name} renewed, ${takes} added`,
};
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

// Shows it, or nothing. `undone` is called when it was taken back.
/** @param {() => void} undone */
export async function showUndo(undone) {
  const box = $("#people-undo");
  // Who may not undo is told nothing of it.
  const change = await rest.lastChange().then(
    (last) => last.change,
    () => null,
  );
  box.hidden = change === null;
  if (!change) return;
  const names = change.speakers.map((one) => one.name);
  const words = `Last change: ${SAID[change.event](names, count(change.takes, "take"))}.`;
  const undo = button("Undo", "small ghost for-operators", async () => {
    try {
      await rest.undo(change.id);
      toast("Undone.");
    } catch (error) {
      toast(refusalText(error));
    }
    undone();
  });
  undo.setAttribute("aria-label", `Undo: ${words}`);
  const until = h("span", { className: "muted" }, `until ${TIME.format(new Date(change.until))}`);
  box.replaceChildren(h("span", { dir: "auto" }, words), undo, until);
}
