// Why a voice of a recording has its name, or none, in plain words.

/** @param {Wire.TimelineTurn} turn @param {Wire.TimelineVoice | null} voice */
export function whyWords(turn, voice) {
  const said = voice ?? { ...turn, rule: "", speech_seconds: 0, corrected: turn.corrected ?? false };
  if (said.corrected) return "A person here said so.";
  return [REASONS[said.status]?.(turn, said) ?? "", several(said.rule)].filter(Boolean).join(" ");
}

/** @type {Record<string, (turn: Wire.TimelineTurn, said: { rule: string, speech_seconds: number }) => string>} */
const REASONS = {
  identified: ({ speaker }, { rule }) => `This voice is close to the one of ${speaker?.name ?? "?"}${by(rule)}.`,
  unknown: (_, { rule }) =>
    rule.startsWith("nobody") ? "Nobody is enrolled yet." : `No voice that I know is close enough${by(rule)}.`,
  ambiguous: ({ between = [] }) =>
    between.length === 2
      ? `${between[0].name} and ${between[1].name} are both close, too close to choose.`
      : "Two people are both close, too close to choose.",
  not_enough_speech: (_, { speech_seconds: heard }) =>
    `There is too little clear speech of this voice${heard ? `: ${heard.toFixed(1)} s` : ""}.`,
};

// The figure of the server's rule, where it tells one.
/** @param {string} rule */
function by(rule) {
  const [, distance, side] = /(\d+\.\d+) (above|below) the threshold/.exec(rule) ?? [];
  return distance ? `: ${distance} ${side} the threshold` : "";
}

/** @param {string} rule */
const several = (rule) => (rule.includes("more than one voice") ? "More than one voice may be mixed in it." : "");
