// How loud a recording is over time, computed in the browser.

const RATE = 8000; // little memory, and enough to see where there is sound
const LONGEST_SECONDS = 31 * 60;
const MOST_BYTES = 400e6; // half an hour of uncompressed stereo
const MOST_BYTES_UNKNOWN = 30e6; // of a compressed recording that does not tell its length
const BLOCK = 2 ** 20;
export const PEAKS_A_SECOND = 50;

/**
 * Peaks from 0 to 255, `PEAKS_A_SECOND` of them, or why there are none.
 * @param {File} file
 * @param {number | null} seconds
 * @returns {Promise<{ peaks: Uint8Array, why: "" } | { peaks: null, why: string }>}
 */
export async function waveform(file, seconds) {
  if ((seconds ?? 0) > LONGEST_SECONDS || file.size > (seconds === null ? MOST_BYTES_UNKNOWN : MOST_BYTES))
    return { peaks: null, why: "No waveform: the recording is longer than half an hour." };
  try {
    const audio = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await file.arrayBuffer());
    return { peaks: await peaksOf(audio), why: "" };
  } catch {
    return { peaks: null, why: "No waveform: this browser cannot open the file." };
  }
}

/** @param {AudioBuffer} audio */
async function peaksOf(audio) {
  const step = RATE / PEAKS_A_SECOND;
  const peaks = new Float32Array(Math.ceil(audio.length / step));
  for (let channel = 0; channel < audio.numberOfChannels; channel++) {
    const samples = audio.getChannelData(channel);
    for (let from = 0; from < samples.length; from += BLOCK) {
      raise(peaks, samples, from, step);
      await new Promise((later) => setTimeout(later)); // the page stays awake
    }
  }
  const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 1e-4);
  return Uint8Array.from(peaks, (peak) => Math.round((255 * peak) / loudest));
}

/** @param {Float32Array} peaks @param {Float32Array} samples @param {number} from @param {number} step */
function raise(peaks, samples, from, step) {
  const until = Math.min(samples.length, from + BLOCK);
  for (let i = from; i < until; i++) {
    const loud = Math.abs(samples[i]);
    const at = Math.floor(i / step);
    if (loud > peaks[at]) peaks[at] = loud;
  }
}
