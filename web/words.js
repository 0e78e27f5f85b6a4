// What is said to people: one plain sentence a situation, and what to do about it.

const REFUSALS = {
  mic_insecure: ["The browser keeps the microphone shut", "It gives a microphone only to pages from this computer or over https. Open this page as http://localhost, or put TLS in front of the server."],
  mic_unsupported: ["This browser cannot listen", "It lacks what live audio needs. A current Chrome, Edge, Firefox or Safari can; recordings work here too."],
  mic_denied: ["I may not use the microphone", "Allow it with the symbol beside the address, then try again. Or choose a recording."],
  mic_missing: ["I find no microphone", "Connect one, or choose a recording instead."],
  mic_busy: ["The microphone does not answer", "Another program may be holding it. Close that one and try again."],
  mic_ended: ["The microphone went away", "It was unplugged or switched off. Connect it and try again."],
  connection_lost: ["The connection was lost", "Nothing of this take was kept. I am trying to reach the server again."],
  too_many_streams: ["The server is busy", "All its streams are taken. Try again in a moment."],
  no_speech: ["I heard no speech", "Come closer, check that the right microphone is chosen, and speak as you normally would."],
  not_enough_speech: ["That was too short", "Read the whole text, or say one sentence more."],
  too_quiet: ["That was too quiet", "Come closer to the microphone, or speak up a little."],
  clipping: ["That was too loud", "The sound was cut off at the top. Go a little further away, or turn the microphone down."],
  noisy: ["There is too much noise", "Find a quieter place, or switch off what hums beside you."],
  other_speaker: ["I hear another voice", "Only one person should speak in a take."],
  wrong_scope: ["Your token does not allow this", "Ask an operator for one that does."],
  too_many_answers: ["That is enough for this hour", ""],
  consent_missing: ["Consent is missing", "The person must agree before a voiceprint is kept."],
  consent_expired: ["The consent is over", "Ask the person again, under People: Add takes."],
  name_taken: ["Somebody has this name already", "Add takes to them under People, or choose a name that tells the two apart."],
  bad_name: ["This name does not work", ""],
  unknown_speaker: ["This person is not here any more", "Somebody may have deleted them a moment ago."],
  audio_too_long: ["That was too long", ""],
  audio_too_large: ["This file is too large", ""],
  body_too_large: ["This file is too large", ""],
  audio_empty: ["This file is empty", ""],
  not_audio: ["This is not a recording", ""],
  audio_unsupported: ["I cannot read this kind of recording", ""],
  audio_damaged: ["This recording is damaged", ""],
};

// { title, detail }: our words where we have them, and always the server's own sentence where it names a limit.
export function refusalWords(error) {
  const [title, advice] = REFUSALS[error.code] ?? ["That did not work", ""];
  const own = error.message && error.message !== error.code && !error.code.startsWith("mic_") && error.code !== "connection_lost";
  return { title, detail: [own ? error.message : "", advice].filter(Boolean).join(" ") };
}

const FEEDBACK = {
  ok: "Good, go on",
  no_voice: "I am listening",
  too_quiet: "A little louder, or closer",
  clipping: "Too loud: a little further away",
  noisy: "There is much noise around you",
  too_short: "Go on a little longer",
  other_speaker: "I hear another voice too",
};

export const feedbackWords = (feedback) => FEEDBACK[feedback] ?? "";
export const isTrouble = (feedback) => !["ok", "no_voice", "too_short"].includes(feedback);

// { kind, kicker, title, detail, sure } for a result, final or not. `sure`: 0 to 1, or null where nobody can say.
export function resultWords(result) {
  const words = result.final ? finalWords(result) : guessWords(result);
  const named = result.status === "identified" || words.kicker === "Perhaps";
  return { ...words, sure: named ? result.probability : null };
}

function guessWords(result) {
  const best = result.candidates[0];
  if (result.status === "identified" && result.announced) return { kind: "known", kicker: "This is", title: result.speaker.name, detail: evidence(result) };
  if (result.status === "identified") return { kind: "leaning", kicker: "This sounds like", title: result.speaker.name, detail: `${evidence(result)} · a little more makes me sure` };
  if (result.status === "ambiguous") return { kind: "unsure", kicker: "Between two", title: pair(result), detail: "Go on, a little more speech may tell them apart." };
  if (result.status === "unknown") return { kind: "unknown", kicker: "So far", title: "I do not know this voice", detail: evidence(result) };
  if (best && likely(result)) return { kind: "leaning", kicker: "Perhaps", title: best.speaker.name, detail: `To be sure I need ${more(result)}` };
  return { kind: "unsure", kicker: "Listening", title: "Not sure yet", detail: `I need ${more(result)}` };
}

function finalWords(result) {
  if (result.status === "identified") return { kind: "known", kicker: "This is", title: result.speaker.name, detail: evidence(result) };
  const detail = sentences(reason(result), result.announced ? "I named somebody too early; all of it together speaks against that." : "", severalVoices(result));
  if (result.status === "ambiguous") return { kind: "unsure", kicker: "Too close to tell apart", title: pair(result), detail: sentences(detail, "Try once more with a longer sentence.") };
  if (result.status === "not_enough_speech") return { kind: "unsure", kicker: "Not sure", title: "That was too little speech", detail };
  return { kind: "unknown", kicker: "A stranger to me", title: "I do not know this voice", detail };
}

// Why there is no name, in plain words.
function reason(result) {
  const [best, second] = result.candidates;
  const heard = result.speech_seconds < 0.1 ? "I heard no speech." : `I heard ${seconds(result.speech_seconds)} of speech.`;
  if (result.status === "not_enough_speech") return `${heard} I need ${seconds(result.needed_speech_seconds)} to answer.`;
  if (!best) return result.rule?.startsWith("nobody") ? "Nobody is enrolled yet." : heard;
  if (result.status === "ambiguous" && second) return `Their scores are only ${(result.margin ?? best.score - second.score).toFixed(2)} apart, too little to choose.`;
  return `The closest is ${best.speaker.name} with ${best.score.toFixed(2)}; this voice would need ${result.threshold.toFixed(2)} to get that name. ${heard}`;
}

function evidence(result) {
  const named = result.speaker !== null;
  const against = typeof result.score === "number" ? `${named ? "score" : "closest score"} ${result.score.toFixed(2)}, threshold ${result.threshold.toFixed(2)}` : "";
  return [against, `${seconds(result.speech_seconds)} of speech`, result.several_voices ? "more than one voice" : ""].filter(Boolean).join(" · ");
}

// Not 100 % and not 0 %: nobody can promise that.
export const percent = (probability) => `${Math.max(1, Math.min(99, Math.round(probability * 100)))} %`;

const likely = (result) => (result.probability === null ? result.score >= result.threshold : result.probability >= 0.5);
const more = (result) => `about ${Math.max(0.1, result.needed_speech_seconds - result.speech_seconds).toFixed(1)} s more speech`;
const severalVoices = (result) => (result.several_voices ? "More than one voice seems to speak." : "");
const sentences = (...parts) => parts.filter(Boolean).join(" ");
const seconds = (value) => `${value.toFixed(1)} s`;
const pair = (result) => result.candidates.slice(0, 2).map((candidate) => candidate.speaker.name).join(" or ") || "Two people I know";
