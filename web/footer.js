// The foot of the page: which encoder listens, how many people it knows, and what its threshold promises.

import { count, h, score } from "./dom.js";

const PERCENT = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

/** @param {HTMLElement} footer @param {Page.Standing} health */
export function showFooter(footer, health) {
  const open = footer.querySelector("details")?.open ?? false;
  const facts = [`Encoder ${health.encoder}`, count(health.speakers, "person", "people")];
  // Which a page without the scope operate is not told.
  if (health.threshold !== undefined) facts.push(`Threshold ${score(health.threshold)}`);
  const spans = facts.map((fact) => h("span", {}, fact));
  if (health.damaged?.length)
    spans.push(
      h("span", { className: "warn" }, `${count(health.damaged.length, "record")} cannot be opened and is left out`),
    );
  const more = h(
    "details",
    { open },
    h("summary", {}, "What that means"),
    h("ul", {}, ...meaning(health).map((line) => h("li", {}, line))),
  );
  footer.replaceChildren(...spans, more);
}

/** @param {Page.Standing} health */
function meaning(health) {
  const lines = ["Everything runs on this server. It keeps a sealed voiceprint of each person, and no recording."];
  const supported = health.threshold_supported;
  if (health.target_fpir)
    lines.push(
      `The threshold is set so that at most ${PERCENT.format(health.target_fpir)} of strangers get a name${supported === false ? ", as far as can be said" : ""}.`,
    );
  const missed = health.expected_fnir;
  if (missed)
    lines.push(
      `About ${PERCENT.format(missed.value)} of enrolled people get no name (${PERCENT.format(missed.low)} to ${PERCENT.format(missed.high)}).`,
    );
  if (health.threshold_note)
    lines.push(`${health.threshold_note[0].toLocaleUpperCase()}${health.threshold_note.slice(1)}.`);
  lines.push(`Encoder ${health.encoder}, SHA-256 ${health.encoder_sha256.slice(0, 16)}…`);
  return lines;
}
