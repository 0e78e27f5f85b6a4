// What a turn is called.

/** @type {Record<string, string>} */
const UNNAMED = {
  unknown: "Somebody I do not know",
  ambiguous: "Too close to tell apart",
  not_enough_speech: "Too short to tell",
};

/** @param {Pick<Page.Turn, "speaker" | "status" | "between" | "label">} turn */
export function turnName({ speaker, status, between, label }) {
  if (speaker) return speaker.name;
  if (between.length) return `${between.map((one) => one.name).join(" or ")}, too close to tell`;
  return (status === "unknown" && label) || (UNNAMED[status] ?? "?");
}
