// One person in the list: what is known about them in words, and what can be done.

import { avatar, button, count, h } from "./dom.js";

/** @typedef {(speaker: Wire.SpeakerInfo) => unknown} Does */

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
/** @param {string} text */
const day = (text) => DAY.format(new Date(text));

// does: { rename, save, unlock, remove }, each called with the speaker; `place`: the speaker's place on the map, if there is one.
/**
 * @param {Wire.SpeakerInfo} speaker
 * @param {Wire.MapPlace | undefined} place
 * @param {{ rename: Does, save: Does, unlock: Does, remove: Does }} does
 */
export function personRow(speaker, place, does) {
  /** @param {string} label @param {string} kind @param {Does} run */
  const act = (label, kind, run) => {
    const made = button(label, kind, () => run(speaker));
    made.setAttribute("aria-label", `${label}: ${speaker.name}`);
    return made;
  };
  const facts = [
    count(speaker.enrollments, "take"),
    `${speaker.speech_seconds_total.toFixed(0)} s of speech`,
    heard(speaker),
  ];
  return h(
    "li",
    { className: "person", id: `person-${speaker.id}`, tabIndex: -1 },
    avatar(speaker),
    h(
      "div",
      { className: "person-words" },
      h("span", { className: "person-name", dir: "auto" }, speaker.name),
      h("span", { className: "person-facts" }, facts.filter(Boolean).join(" · ")),
    ),
    h(
      "div",
      { className: "person-actions" },
      h(
        "a",
        { className: "button small ghost", href: `#enroll/${speaker.id}`, ariaLabel: `Add takes: ${speaker.name}` },
        "Add takes",
      ),
      act("Rename", "small ghost for-operators", does.rename),
      act("Delete", "small ghost danger for-operators", does.remove),
    ),
    details(
      speaker,
      place,
      act("Save what is known", "small ghost for-operators", does.save),
      act("Unlock claims", "small ghost for-operators", does.unlock),
    ),
  );
}

/** @param {Wire.SpeakerInfo} speaker */
function heard({ last_seen: seen }) {
  if (seen === undefined) return "";
  if (!seen) return "not heard yet";
  return seen === new Date().toISOString().slice(0, 10) ? "heard today" : `last heard ${day(seen)}`;
}

/** @param {Wire.SpeakerInfo} speaker @param {Wire.MapPlace | undefined} place @param {...HTMLElement} actions */
function details(speaker, place, ...actions) {
  const rows = [
    ["Here since", day(speaker.created_at)],
    ...groups(speaker),
    ...agreed(speaker),
    ...kept(speaker),
    ...alike(place),
  ];
  const list = h(
    "dl",
    {},
    ...rows.flatMap(([term, words, kind = ""]) => [
      h("dt", {}, term),
      h("dd", { className: kind, dir: "auto" }, words),
    ]),
  );
  const summary = h("summary", {}, "Details", h("span", { className: "visually-hidden" }, `: ${speaker.name}`));
  return h("details", { className: "person-more" }, summary, list, h("div", { className: "actions" }, ...actions));
}

/** @param {Wire.SpeakerInfo} speaker */
const groups = (speaker) => (speaker.groups?.length ? [["Groups", speaker.groups.join(", ")]] : []);

/** @param {Wire.SpeakerInfo} speaker */
function agreed({ consent, consent_at: at }) {
  if (consent === undefined) return [];
  if (!consent) return [["Agreed to", "No consent is on record."]];
  const reference = consent.reference ? [["Reference", consent.reference]] : [];
  return [["Agreed to", at ? `${consent.purpose} (${day(at)})` : consent.purpose], ...reference];
}

/** @param {Wire.SpeakerInfo} speaker */
function kept({ kept_until: until, kept_because: because }) {
  if (!until) return [];
  const left = (Date.parse(until) - Date.now()) / 86_400_000;
  const why = because === "consent_expires" ? "then the consent ends" : "longer whenever the voice is heard";
  return [["Kept until", `${day(until)}, ${why}`, left < 30 ? "soon" : ""]];
}

/** @param {Wire.MapPlace | undefined} place */
function alike(place) {
  if (!place?.closest) return [];
  const words = place.alike ? `${place.closest.name}, so much that I may take one for the other` : place.closest.name;
  return [["Sounds most like", words, place.alike ? "soon" : ""]];
}

// A field in place of the name. `does`: { save(name) that raises a refusal, stop() }.
/**
 * @param {Wire.SpeakerInfo} speaker
 * @param {{ save: (name: string) => Promise<void>, stop: () => void }} does
 * @param {(error: unknown) => string} refusal
 */
export function renameRow(speaker, does, refusal) {
  const field = h("input", {
    type: "text",
    id: "rename",
    value: speaker.name,
    maxLength: 100,
    ariaLabel: `New name for ${speaker.name}`,
  });
  const problem = h("p", { className: "field-error", role: "alert" });
  /** @param {SubmitEvent} event */
  const save = async (event) => {
    event.preventDefault();
    await does.save(field.value).catch((error) => (problem.textContent = refusal(error)));
  };
  const form = h("form", {
    className: "rename",
    on: { submit: save, keydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && does.stop() },
  });
  form.append(
    field,
    h("button", { type: "submit", className: "button small primary" }, "Save"),
    button("Leave it", "small ghost", does.stop),
  );
  return h(
    "li",
    { className: "person renaming" },
    avatar(speaker),
    h("div", { className: "person-words" }, form, problem),
  );
}
