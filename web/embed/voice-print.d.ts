// Importing it defines <voice-print>.
import type { Result } from "./wire.js";

// `token`: of `voiceprint token add`; the page gives it, and it stands in no attribute.
export class VoicePrintElement extends HTMLElement {
  token: string;
  listen(): Promise<void>;
  stop(): Promise<void> | undefined;
}

declare global {
  interface HTMLElementTagNameMap {
    "voice-print": VoicePrintElement;
  }
  interface HTMLElementEventMap {
    "voiceprint-result": CustomEvent<Result>;
    "voiceprint-error": CustomEvent<{ code: string; message: string }>;
  }
}
