// The shapes that the page's own modules hand to each other; those of the wire are in wire.d.ts.
declare namespace Page {
  type Words = { kind: string; kicker?: string; title: string; detail?: string; sure?: number | null };
  type Heard = { speechSeconds: number; neededSeconds: number; result: Wire.Result | null };
  type Turn = { at: number; until: number; speaker: Wire.SpeakerRef | null; status: Wire.Result["status"]; between: Wire.SpeakerRef[]; channel?: number | null; label?: string };
  type Asks<T, A extends unknown[]> = (...given: A) => Promise<T>;
  // A turn as the workbench draws it. `number`: its place, from 1; `named`: by the server or by a person; `lane`: 0, or further down where it overlaps.
  type Bar = { turn: Wire.TimelineTurn; number: number; at: number; until: number; name: string; named: boolean; hue: number; lane: number };
  type Voice = { key: string; name: string; named: boolean; hue: number; seconds: number; turns: number; said: Wire.TimelineVoice | null };
  type Arranged = { bars: Bar[]; voices: Voice[]; lanes: number; longest: number };
  type Level = { rms: number; peak: number };
  type People = { name: string; files: File[] }[];
  type Child = Node | string | false | null | undefined;
  type Message =
    | Wire.SpeechStarted
    | Wire.SpeechStopped
    | Wire.Progress
    | Wire.Result
    | Wire.Enrolled
    | Wire.Room
    | Wire.Error;
  // What `start` says beside the form of the audio.
  type Start = Partial<Wire.Start> & Pick<Wire.Start, "mode">;
  // The answer of /readyz to a caller who may see it.
  type Standing = {
    version: string;
    encoder: string;
    encoder_sha256: string;
    speakers: number;
    damaged: string[];
    threshold: number;
    threshold_note?: string;
    threshold_supported?: boolean;
    target_fpir?: number | null;
    expected_fnir?: { value: number; low: number; high: number } | null;
    min_speech_seconds: number;
  };
  // How loud it is, PEAKS_A_SECOND of them; `filled`: how many are there; `loudest`: the most of them.
  type Peaks = { values: Float32Array; filled: number; loudest: number };
  interface View {
    readonly busy: boolean;
    enter(argument?: string): unknown;
    leave(): void;
    toggle(): void;
    cancel(): void;
    // The server is back.
    reload?(): unknown;
  }
  interface App {
    readonly connection: import("../../web/protocol.js").Connection;
    readonly threshold: number;
    refreshHealth(): Promise<void>;
  }
}

// Of the audio thread, which TypeScript's own libraries leave out.
declare const sampleRate: number;
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
