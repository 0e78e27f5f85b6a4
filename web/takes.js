// The takes of one person: the day, how much speech, how each fits the others; each can be removed. Those that another
// token brought decide nothing before an operator confirms them.

import { button, confirm, day, h, score, seconds, toast } from "./dom.js";
import { rest } from "./protocol.js";
import { refusalText } from "./refusals.js";

/** @type {Record<Wire.Take["fit"], string>} */
const FITS = { good: "fits well", fair: "fits", poor: "unlike the others", only: "the only one" };

// `changed` is called when one was removed or confirmed.
/** @param {Wire.SpeakerRef} speaker @param {() => void} changed */
export function takesList(speaker, changed) {
  const list = h("ol", { className: "take-list" });
  const show = async () => {
    try {
      const { takes } = await rest.takes(speaker.id);
      list.replaceChildren(...takes.map((take, i) => row(speaker, take, i, changed)));
    } catch (error) {
      list.replaceChildren(h("li", {}, refusalText(error)));
    }
  };
  return { list, show };
}

/** @param {Wire.SpeakerRef} speaker @param {Wire.Take} take @param {number} i @param {() => void} changed */
function row(speaker, take, i, changed) {
  const fit = take.consistency === null ? FITS[take.fit] : `${FITS[take.fit]} (${score(take.consistency)})`;
  const waits = take.pending ? " · decides nothing yet" : "";
  const words = `${day(take.enrolled_at)} · ${seconds(take.speech_seconds)} · ${fit}${waits}`;
  const remove = button("Remove", "small ghost danger for-operators", async () => {
    const text = `Take ${i + 1} of ${speaker.name} (${words}) is taken out of the voiceprint. For an hour this can be undone.`;
    if (!(await confirm("Remove this take?", text, "Remove"))) return;
    await rest.removeTake(speaker.id, take.id).then(changed, (error) => toast(refusalText(error)));
  });
  remove.setAttribute("aria-label", `Remove take ${i + 1} of ${speaker.name}`);
  const accept = button("Confirm", "small ghost for-operators", () =>
    rest.confirmTake(speaker.id, take.id).then(changed, (error) => toast(refusalText(error))),
  );
  accept.setAttribute("aria-label", `Confirm take ${i + 1} of ${speaker.name}`);
  const kind = take.fit === "poor" || take.pending ? "soon" : "";
  const removable = take.pending || take.fit !== "only";
  return h("li", {}, h("span", { className: kind }, words), take.pending ? accept : null, removable ? remove : null);
}
