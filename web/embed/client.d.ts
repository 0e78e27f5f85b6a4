// A voiceprint server, for a page elsewhere.
import type * as Wire from "./wire.js";

// A refusal of the server, or `connection_lost`. `code`: stable; `message`: one sentence.
export class Refusal extends Error {
  constructor(code: string, message: string);
  code: string;
}

// Why there is no sound, such as `mic_denied` and `mic_missing`.
export class MicrophoneError extends Error {
  constructor(code: string);
  code: string;
}

// `server`: its origin, by itself where this file came from; `token`: of `voiceprint token add`.
export type Options = { server?: string; token: string };
// `groups`: only their speakers are searched.
export type Search = { groups?: string[] };
export type Message = Wire.SpeechStarted | Wire.SpeechStopped | Wire.Progress | Wire.Result | Wire.Enrolled | Wire.Room | Wire.Error;
// `speaker`: the claimed one (verify); `seconds`: of speech after which the take ends by itself (5).
export type ListenOptions = Search & {
  mode?: "identify" | "verify";
  speaker?: string;
  seconds?: number;
  signal?: AbortSignal;
  onMessage?: (message: Message) => void;
};
// `result` rejects with Refusal, MicrophoneError or the signal's reason.
export type Listening = { result: Promise<Wire.Result>; stop(): Promise<void> };

// Every promise rejects with Refusal.
export class VoiceprintClient {
  constructor(options: Options);
  identify(recording: Blob, search?: Search): Promise<Wire.Result>;
  verify(speaker: string, recording: Blob): Promise<Wire.Result>;
  timeline(recording: Blob, search?: Search): Promise<Wire.Timeline>;
  speakers(): Promise<Wire.SpeakerInfo[]>;
  enroll(name: string, recordings: File[], consent: Wire.Consent): Promise<Wire.Enrolled>;
  listen(options?: ListenOptions): Promise<Listening>;
  close(): void;
}
