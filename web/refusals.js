// What is said when something is refused or wrong while somebody speaks: one plain sentence, and what to do about it.

/** @type {Record<string, [string, string]>} */
const REFUSALS = {
  mic_insecure: [
    "The browser keeps the microphone shut",
    "It gives a microphone only to pages from this computer or over https. Open this page as http://localhost, or put TLS in front of the server.",
  ],
  mic_unsupported: [
    "This browser cannot listen",
    "It lacks what live audio needs. A current Chrome, Edge, Firefox or Safari can; recordings work here too.",
  ],
  mic_denied: [
    "I may not use the microphone",
    "Allow it with the symbol beside the address, then try again. Or choose a recording.",
  ],
  mic_missing: ["I find no microphone", "Connect one, or choose a recording instead."],
  mic_busy: ["The microphone does not answer", "Another program may be holding it. Close that one and try again."],
  mic_prompt: [
    "May I use the microphone?",
    "The browser is asking, beside the address. Say yes there, and I begin; the button gives up.",
  ],
  mic_gone: ["The chosen microphone is not there", "Connect it, or choose another below."],
  mic_stalled: [
    "No sound arrives from the microphone",
    "The browser or another program has stopped it. Press the button again; if that does not help, choose another microphone below.",
  ],
  mic_muted: [
    "The microphone is muted",
    "Switch it on: on itself, on the keyboard or in the system's settings. Then I go on by myself.",
  ],
  mic_silent: [
    "The microphone gives nothing but silence",
    "It may be switched off on itself, or be the wrong one: choose another below.",
  ],
  server_slow: ["The server does not answer", "It may be busy, or the network slow. Wait a moment, then try again."],
  mic_ended: ["The microphone went away", "It was unplugged or switched off. Connect it and try again."],
  connection_lost: ["The connection was lost", "Nothing of this take was kept. I am trying to reach the server again."],
  too_many_streams: ["The server is busy", "All its streams are taken. Try again in a moment."],
  no_speech: [
    "I heard no speech",
    "Come closer, check that the right microphone is chosen, and speak as you normally would.",
  ],
  not_enough_speech: ["That was too short", "Read the whole text, or say one sentence more."],
  too_quiet: ["That was too quiet", "Come closer to the microphone, or speak up a little."],
  clipping: [
    "That was too loud",
    "The sound was cut off at the top. Go a little further away, or turn the microphone down.",
  ],
  noisy: ["There is too much noise", "Find a quieter place, or switch off what hums beside you."],
  other_speaker: ["I hear another voice", "Only one person should speak in a take."],
  wrong_scope: ["Your token does not allow this", "Ask an operator for one that does."],
  too_many_answers: ["That is enough for this hour", ""],
  consent_missing: ["Consent is missing", "The person must agree before a voiceprint is kept."],
  consent_expired: ["The consent is over", "Ask the person again, under People: Add takes."],
  sounds_like_other: ["This is another person's voice", ""],
  not_this_speaker: ["This is another person's voice", ""],
  already_enrolled: ["I have this recording already", ""],
  enrolled_elsewhere: ["I have this recording already", "It belongs to somebody else here."],
  changed_since: ["Something changed meanwhile", "Only the last change can be undone."],
  nothing_to_undo: ["There is nothing to undo any more", "A change can be undone for one hour."],
  last_enrollment: ["This is the only take", "Delete the person instead."],
  name_taken: [
    "Somebody has this name already",
    "Add takes to them under People, or choose a name that tells the two apart.",
  ],
  bad_name: ["This name does not work", ""],
  unknown_speaker: ["This person is not here any more", "Somebody may have deleted them a moment ago."],
  audio_empty: ["This file is empty", ""],
  not_audio: ["This is not a recording", ""],
};
// Those whose sentence from the server names a figure, a day or a person: it stands under our words. The sentence of a
// code that we have no words for stands alone.
const TELLING = new Set([
  ...["not_enough_speech", "too_many_answers", "consent_expired", "bad_name"],
  ...["sounds_like_other", "not_this_speaker"],
]);

// { code, title, detail }
/** @param {unknown} error */
export function refusalWords(error) {
  const { code = "", message = "" } = /** @type {{ code?: string, message?: string }} */ (error);
  const known = REFUSALS[code];
  if (!known) return { code, title: message.replace(/\.$/, "") || "That did not work", detail: "" };
  const [title, advice] = known;
  return { code, title, detail: [TELLING.has(code) ? message : "", advice].filter(Boolean).join(" ") };
}

// Whether it was refused as somebody else's voice, which an operator may overrule.
/** @param {unknown} error */
export const isForeign = (error) => ["sounds_like_other", "not_this_speaker"].includes(refusalWords(error).code);

// The same as one text.
/** @param {unknown} error */
export function refusalText(error) {
  const { title, detail } = refusalWords(error);
  return [/[.?!]$/.test(title) ? title : `${title}.`, detail].filter(Boolean).join(" ");
}

/** @type {Record<string, string>} */
const FEEDBACK = {
  ok: "Good, go on",
  no_voice: "I am listening",
  too_quiet: "A little louder, or closer",
  clipping: "Too loud: a little further away",
  noisy: "There is much noise around you",
  too_short: "Go on a little longer",
  other_speaker: "I hear another voice too",
};

/** @param {string} feedback */
export const feedbackWords = (feedback) => FEEDBACK[feedback] ?? "";
/** @param {string} feedback */
export const isTrouble = (feedback) => !["ok", "no_voice", "too_short"].includes(feedback);
