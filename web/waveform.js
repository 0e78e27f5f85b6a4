// How loud a recording is over time, computed in the browser: in pieces where its kind can be cut, so that a meeting of
// hours takes no more memory than one of minutes.

const RATE = 8000; // little memory, and enough to see where there is sound
const WHOLE_SECONDS = 31 * 60; // what cannot be cut is decoded at once, up to here
const WHOLE_BYTES = 400e6;
const WHOLE_BYTES_UNKNOWN = 30e6; // of a compressed recording that does not tell its length
const PIECE_SECONDS = 30;
const PIECE_BYTES = 2 ** 20;
const HEAD_BYTES = 2 ** 16;
const BLOCK = 6000;
export const PEAKS_A_SECOND = 50;

/**
 * Why there is no waveform, or nothing; `more` gets it as far as it is there, after each piece.
 * @param {File} file
 * @param {number | null} seconds
 * @param {(peaks: Page.Peaks) => boolean} more whether more of it is wanted
 * @returns {Promise<string>}
 */
export async function waveform(file, seconds, more) {
  /** @type {Page.Peaks} */
  const peaks = { values: new Float32Array(PEAKS_A_SECOND * Math.max(60, seconds ?? 0)), filled: 0, loudest: 1e-4 };
  try {
    const pieces = (await wavPieces(file)) ?? (await frames(file));
    const most = seconds === null ? WHOLE_BYTES_UNKNOWN : WHOLE_BYTES;
    if (!pieces && ((seconds ?? 0) > WHOLE_SECONDS || file.size > most))
      return "No waveform: this kind of recording is drawn only up to half an hour.";
    for (const piece of pieces ?? [file]) {
      const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await piece.arrayBuffer());
      await measure(sound, peaks);
      if (!more(peaks)) break;
    }
    return "";
  } catch {
    return peaks.filled
      ? "The waveform ends where this browser cannot open the file."
      : "No waveform: this browser cannot open the file.";
  }
}

/** @param {AudioBuffer} sound @param {Page.Peaks} peaks */
async function measure(sound, peaks) {
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  const step = RATE / PEAKS_A_SECOND;
  const end = peaks.filled + Math.round(sound.length / step);
  if (end > peaks.values.length) {
    const longer = new Float32Array(end * 2);
    longer.set(peaks.values);
    peaks.values = longer;
  }
  for (let at = 0; peaks.filled < end; at += step) {
    let loud = 0;
    for (const samples of channels)
      for (let i = at; i < at + step && i < sound.length; i++) loud = Math.max(loud, Math.abs(samples[i]));
    peaks.loudest = Math.max(peaks.loudest, loud);
    peaks.values[peaks.filled++] = loud;
    if (peaks.filled % BLOCK === 0) await new Promise((later) => setTimeout(later)); // the page stays awake
  }
}

// Each piece of the samples behind the header, which says how long the piece is. Null: no WAV.
/** @param {File} file */
async function wavPieces(file) {
  const head = new DataView(await file.slice(0, HEAD_BYTES).arrayBuffer());
  if (head.byteLength < 12 || text(head, 0) !== "RIFF" || text(head, 8) !== "WAVE") return null;
  let [rate, block, at] = [0, 0, 12];
  for (; at + 8 <= head.byteLength && text(head, at) !== "data"; at += 8 + even(head.getUint32(at + 4, true))) {
    if (text(head, at) !== "fmt ") continue;
    rate = head.getUint32(at + 16, true);
    block = head.getUint16(at + 20, true);
  }
  if (!rate || !block || at + 8 > head.byteLength) return null;
  const begin = at + 8;
  const end = Math.min(file.size, begin + (head.getUint32(at + 4, true) || Infinity));
  const step = Math.ceil((rate * PIECE_SECONDS) / block) * block;
  const starts = Array.from({ length: Math.ceil((end - begin) / step) }, (_, i) => begin + i * step);
  return starts.map((from) => {
    const until = Math.min(end, from + step);
    const header = new DataView(head.buffer.slice(0, begin));
    header.setUint32(4, begin - 8 + until - from, true);
    header.setUint32(at + 4, until - from, true);
    return new Blob([header, file.slice(from, until)]);
  });
}

// MP3 and AAC in ADTS are frames, one after another: each piece begins with one that looks like the first. Null: neither.
/** @param {File} file */
async function frames(file) {
  const head = new Uint8Array(await file.slice(0, 10).arrayBuffer());
  const tagged = head[0] === 73 && head[1] === 68 && head[2] === 51; // ID3, its size in seven bits a byte
  const begin = tagged ? 10 + head.slice(6).reduce((sum, byte) => sum * 128 + byte, 0) : 0;
  const first = new Uint8Array(await file.slice(begin, begin + 4).arrayBuffer());
  if (first[0] !== 0xff || (first[1] & 0xe0) !== 0xe0) return null;
  const starts = [begin];
  for (let at = begin + PIECE_BYTES; at < file.size; at += PIECE_BYTES) {
    const bytes = new Uint8Array(await file.slice(at, at + 8192).arrayBuffer());
    const found = bytes.findIndex((_, i) => isFrame(bytes, i, first));
    if (found >= 0) starts.push(at + found);
  }
  return starts.map((from, i) => file.slice(from, starts[i + 1] ?? file.size));
}

/** @param {Uint8Array} bytes @param {number} i @param {Uint8Array} first */
const isFrame = (bytes, i, first) =>
  bytes[i] === 0xff && bytes[i + 1] === first[1] && (bytes[i + 2] & 0x0c) === (first[2] & 0x0c);

/** @param {DataView} view @param {number} at */
const text = (view, at) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
/** @param {number} size */
const even = (size) => size + (size % 2);
