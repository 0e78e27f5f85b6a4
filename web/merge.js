// Two entries of one person become one: whose, what both agreed to, and what then happens.

import { button, day, h, toast } from "./dom.js";
import { rest } from "./protocol.js";
import { refusalText, refusalWords } from "./refusals.js";

/**
 * `speaker` stays. Resolves when the dialog is closed, with whether they are one now.
 * @param {Wire.SpeakerInfo} speaker
 * @param {Wire.SpeakerInfo[]} others
 * @param {string | undefined} likely the id of the one to offer first
 * @returns {Promise<boolean>}
 */
export function merge(speaker, others, likely) {
  const { promise, resolve } = Promise.withResolvers();
  const select = h("select", { id: "merge-with" }, ...others.map((one) => h("option", { value: one.id }, one.name)));
  if (likely) select.value = likely;
  const consents = h("dl", { className: "facts" });
  const problem = h("p", { className: "field-error", role: "alert" });
  const yes = button("Merge", "primary", () => go());
  const dialog = h("dialog", { className: "dialog", "aria-labelledby": "merge-title" });
  dialog.append(
    h("h2", { id: "merge-title" }, `Merge into ${speaker.name}`),
    h("label", { className: "field" }, h("span", {}, "The other entry of this person"), select),
    consents,
    h("p", {}, `Its takes go to ${speaker.name}, and the other entry is no more. For an hour this can be undone.`),
    problem,
    h(
      "div",
      { className: "actions" },
      button("Cancel", "ghost", () => dialog.close()),
      yes,
    ),
  );
  let force = false;
  let merged = false;

  const show = () => {
    force = false;
    problem.textContent = "";
    yes.textContent = "Merge";
    const both = [speaker, ...others.filter((one) => one.id === select.value)];
    consents.replaceChildren(...both.flatMap((one) => [h("dt", {}, one.name), h("dd", { dir: "auto" }, agreed(one))]));
  };
  const go = async () => {
    try {
      await rest.merge(speaker.id, select.value, force);
      merged = true;
      dialog.close();
      toast(`The takes are together under ${speaker.name}.`);
    } catch (error) {
      problem.textContent = refusalText(error);
      force = refusalWords(error).code === "not_this_speaker";
      if (force) yes.textContent = "They are one person: merge";
    }
  };

  select.addEventListener("change", show);
  dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(merged);
  });
  show();
  document.body.append(dialog);
  dialog.showModal();
  return promise;
}

/** @param {Wire.SpeakerInfo} speaker */
function agreed({ consent, consent_at: at }) {
  if (!consent) return "No consent is on record.";
  return [consent.purpose, at && `on ${day(at)}`, consent.expires && `until ${day(consent.expires)}`]
    .filter(Boolean)
    .join(", ");
}
