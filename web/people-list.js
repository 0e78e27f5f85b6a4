// Which people of many are listed, and in which order.

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;

/** @type {Record<string, (a: Wire.SpeakerInfo, b: Wire.SpeakerInfo) => number>} */
const ORDERS = {
  name: (a, b) => a.name.localeCompare(b.name),
  newest: (a, b) => b.created_at.localeCompare(a.created_at),
  heard: (a, b) => (b.last_seen ?? "").localeCompare(a.last_seen ?? "") || ORDERS.name(a, b),
  takes: (a, b) => a.enrollments - b.enrollments || ORDERS.name(a, b),
};

/**
 * `only`: "all", "attention", or "group:" and its name.
 * @param {Wire.SpeakerInfo[]} speakers
 * @param {{ words: string, order: string, only: string, alike: (id: string) => boolean }} wish
 */
export function chosen(speakers, { words, order, only, alike }) {
  const wanted = words.trim().toLocaleLowerCase();
  const group = only.startsWith("group:") ? only.slice("group:".length) : null;
  return speakers
    .filter(({ name, groups = [] }) => [name, ...groups].some((word) => word.toLocaleLowerCase().includes(wanted)))
    .filter(({ groups = [] }) => group === null || groups.includes(group))
    .filter((speaker) => only !== "attention" || needs(speaker).length > 0 || alike(speaker.id))
    .sort(ORDERS[order]);
}

/** @param {Wire.SpeakerInfo[]} speakers */
export const groupsOf = (speakers) => [...new Set(speakers.flatMap(({ groups = [] }) => groups))].sort();

// What is wrong with an entry, in words.
/** @param {Wire.SpeakerInfo} speaker */
export function needs({ waiting, kept_until: until, pending = 0 }) {
  return [
    pending ? `${pending} new ${pending === 1 ? "take waits" : "takes wait"} for an operator` : "",
    waiting ? "must be enrolled again for the new encoder" : "",
    until && daysTo(until) < SOON_DAYS ? `is erased in ${Math.max(0, Math.ceil(daysTo(until)))} days` : "",
  ].filter(Boolean);
}

/** @param {string} date */
const daysTo = (date) => (Date.parse(date) - Date.now()) / DAY_MS;
