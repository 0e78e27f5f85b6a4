// One person in the list: what is known about them in words, and what can be done.

import { avatar, button, count, day, h } from "./dom.js";
import { needs } from "./people-list.js";
import { refusalText } from "./refusals.js";
import { takesList } from "./takes.js";

/** @typedef {(speaker: Wire.SpeakerInfo) => unknown} Does */

/**
 * @typedef {object} Acts
 * @property {Does} rename
 * @property {Does} save
 * @property {Does} unlock
 * @property {Does} remove
 * @property {Does | null} merge
 * @property {() => void} changed takes were removed
 */

// `place`: the speaker's on the map, if there is one.
/** @param {Wire.SpeakerInfo} speaker @param {Wire.MapPlace | undefined} place @param {Acts} does */
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
      ...labels(speaker, place),
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
    details(speaker, place, does.changed, [
      act("Save what is known", "small ghost for-operators", does.save),
      act("Unlock claims", "small ghost for-operators", does.unlock),
      does.merge && act("Merge with another entry", "small ghost for-operators", does.merge),
    ]),
  );
}

/** @param {Wire.SpeakerInfo} speaker */
function heard({ last_seen: seen }) {
  if (seen === undefined) return "";
  if (!seen) return "not heard yet";
  return seen === new Date().toISOString().slice(0, 10) ? "heard today" : `last heard ${day(seen)}`;
}

// The groups, and what needs attention.
/** @param {Wire.SpeakerInfo} speaker @param {Wire.MapPlace | undefined} place */
function labels(speaker, place) {
  const groups = (speaker.groups ?? []).map((group) => h("span", { className: "label", dir: "auto" }, group));
  const twin = place?.alike ? [`sounds like ${place.closest?.name}`] : [];
  const wrong = [...needs(speaker), ...twin].map((words) => h("span", { className: "label soon" }, words));
  return groups.length + wrong.length ? [h("span", { className: "labels" }, ...groups, ...wrong)] : [];
}

/**
 * @param {Wire.SpeakerInfo} speaker
 * @param {Wire.MapPlace | undefined} place
 * @param {() => void} changed
 * @param {(HTMLElement | null)[]} actions
 */
function details(speaker, place, changed, actions) {
  const rows = [["Here since", day(speaker.created_at)], ...agreed(speaker), ...kept(speaker), ...alike(place)];
  const list = h(
    "dl",
    {},
    ...rows.flatMap(([term, words, kind = ""]) => [
      h("dt", {}, term),
      h("dd", { className: kind, dir: "auto" }, words),
    ]),
  );
  const takes = takesList(speaker, changed);
  const summary = h("summary", {}, "Details", h("span", { className: "visually-hidden" }, `: ${speaker.name}`));
  const more = h("details", { className: "person-more" }, summary, list, takes.list);
  more.append(h("div", { className: "actions" }, ...actions));
  more.addEventListener("toggle", () => more.open && takes.show());
  return more;
}

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
 */
export function renameRow(speaker, does) {
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
    await does.save(field.value).catch((error) => (problem.textContent = refusalText(error)));
  };
  const form = h("form", {
    className: "rename",
    on: { submit: save, keydown: (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && does.stop() },
  });
  form.append(
    field,
    h("button", { type: "submit", className: "button small primary" }, "Save"),
    button("Cancel", "small ghost", does.stop),
  );
  return h(
    "li",
    { className: "person renaming" },
    avatar(speaker),
    h("div", { className: "person-words" }, form, problem),
  );
}
