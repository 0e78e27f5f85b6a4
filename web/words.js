// What is said about an answer: a title, and in plain words why.

import { score, seconds } from "./dom.js";

// { kind, kicker, title, detail, sure } for a result, final or not. `sure`: 0 to 1, or null where nobody can say.
/** @param {Wire.Result} result @returns {Page.Words} */
export function resultWords(result) {
  const words = result.final ? finalWords(result) : guessWords(result);
  const named = result.status === "identified" || words.kicker === "Perhaps";
  const detail = withWarnings(words.detail ?? "", result.warnings);
  return { ...words, detail, sure: named ? result.probability : null };
}

/** @param {Wire.Result} result @returns {Page.Words} */
function guessWords(result) {
  const [best] = result.candidates;
  const detail = evidence(result);
  if (result.status === "identified" && result.speaker) {
    const { name } = result.speaker;
    if (result.announced) return { kind: "known", kicker: "This is", title: name, detail };
    const more = `${detail} · a little more makes me sure`;
    return { kind: "leaning", kicker: "This sounds like", title: name, detail: more };
  }
  if (result.status === "ambiguous") {
    const go = "Go on, a little more speech may tell them apart.";
    return { kind: "unsure", kicker: "Between two", title: pair(result), detail: go };
  }
  if (result.status === "unknown")
    return { kind: "unknown", kicker: "So far", title: "I do not know this voice", detail };
  if (best && likely(result))
    return {
      kind: "leaning",
      kicker: "Perhaps",
      title: best.speaker.name,
      detail: `To be sure I need ${more(result)}`,
    };
  return { kind: "unsure", kicker: "Listening", title: "Not sure yet", detail: `I need ${more(result)}` };
}

/** @param {Wire.Result} result @returns {Page.Words} */
function finalWords(result) {
  if (result.status === "identified" && result.speaker)
    return { kind: "known", kicker: "This is", title: result.speaker.name, detail: evidence(result) };
  const early = "I named somebody too early; all of it together speaks against that.";
  const detail = sentences(reason(result), result.announced ? early : "", severalVoices(result));
  if (result.status === "ambiguous") {
    const again = sentences(detail, "Try once more with a longer sentence.");
    return { kind: "unsure", kicker: "Too close to tell apart", title: pair(result), detail: again };
  }
  if (result.status === "not_enough_speech")
    return { kind: "unsure", kicker: "Not sure", title: "That was too little speech", detail };
  return { kind: "unknown", kicker: "A stranger to me", title: "I do not know this voice", detail };
}

// Why there is no name, in plain words.
/** @param {Wire.Result} result */
function reason(result) {
  const [best, second] = result.candidates;
  const [spoken, needed] = apart(result.speech_seconds, result.needed_speech_seconds, 1);
  const heard = result.speech_seconds < 0.1 ? "I heard no speech." : `I heard ${spoken} s of speech.`;
  if (result.status === "not_enough_speech") return `${heard} I need ${needed} s to answer.`;
  if (!best) return result.rule.startsWith("nobody") ? "Nobody is enrolled yet." : heard;
  // Without a number: what decides is weighed against other voices, and is not the difference of the scores shown.
  if (result.status === "ambiguous" && second) return "Beside other voices, these two are too close to choose.";
  const [closest, wanted] = apart(best.score, result.threshold);
  return `The closest is ${best.speaker.name} with ${closest}; this voice would need ${wanted} to get that name. ${heard}`;
}

/** @param {Wire.Result} result */
function evidence(result) {
  const [own, wanted] = apart(result.score, result.threshold);
  const against = result.speaker ? `score ${own}, threshold ${wanted}` : `closest score ${own}, threshold ${wanted}`;
  const several = result.several_voices ? "more than one voice" : "";
  const shown = typeof result.score === "number" ? against : "";
  return [shown, `${seconds(result.speech_seconds)} of speech`, several].filter(Boolean).join(" · ");
}

// What was wrong with a recording that was heard all the same, after what is said of it.
/** @param {string} detail @param {Wire.Notice[]} [warnings] */
export const withWarnings = (detail, warnings = []) =>
  sentences(warnings.length ? detail.replace(/[^.]$/, "$&.") : detail, ...warnings.map(({ message }) => message));

// Two numbers that differ, with as many digits as it takes to see that they do.
/** @param {number | null} one @param {number | null} two */
export function apart(one, two, digits = 2) {
  if (one === null || two === null) return [score(one), score(two)];
  while (digits < 4 && one !== two && one.toFixed(digits) === two.toFixed(digits)) digits++;
  return [one.toFixed(digits), two.toFixed(digits)];
}

// Not 100 % and not 0 %: nobody can promise that.
/** @param {number} probability */
export const percent = (probability) => `${Math.max(1, Math.min(99, Math.round(probability * 100)))} %`;

/** @param {Wire.Result} result */
const likely = ({ probability, band }) => (probability === null ? band === "above" : probability >= 0.5);

/** @param {Wire.Result} result */
const more = (result) =>
  `about ${seconds(Math.max(0.1, result.needed_speech_seconds - result.speech_seconds))} more speech`;

/** @param {Wire.Result} result */
const severalVoices = (result) => (result.several_voices ? "More than one voice seems to speak." : "");

/** @param {...string} parts */
const sentences = (...parts) => parts.filter(Boolean).join(" ");

/** @param {Wire.Result} result */
const pair = ({ candidates }) =>
  candidates
    .slice(0, 2)
    .map((candidate) => candidate.speaker.name)
    .join(" or ") || "Two people I know";

// Whether two names are one to a reader.
/** @param {string} a @param {string} b */
export const alike = (a, b) => a.normalize("NFKC").toLocaleLowerCase() === b.normalize("NFKC").toLocaleLowerCase();
