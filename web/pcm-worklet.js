// The audio thread: whatever the microphone delivers becomes frames of 100 ms, PCM 16 bit, mono, 16 kHz.

export const RATE = 16000;
const FRAME = RATE / 10;
const LEVEL_EVERY = RATE / 32;
const CROSSINGS = 24; // of the sinc on each side, at the output rate
const CUTOFF = 0.92; // of half the output rate; the rest is where the filter falls off

// The page imports this file too, for the resampler's test; there is no audio thread there.
const onAudioThread = "registerProcessor" in globalThis;
/** @type {typeof AudioWorkletProcessor} */
const Processor = onAudioThread ? AudioWorkletProcessor : /** @type {any} */ (Object);

// Rational resampling by a windowed sinc: exact phases, and a low-pass below the new Nyquist frequency.
export class Resampler {
  /** @param {number} from */
  constructor(from, to = RATE) {
    const shared = gcd(from, to);
    this.up = to / shared;
    this.down = from / shared;
    this.half = Math.ceil(CROSSINGS * Math.max(1, from / to));
    this.phases = Array.from({ length: this.up }, (_, phase) => taps(phase / this.up, this.half, from, to));
    this.held = new Float32Array(this.half); // silence before the first sample, so that nothing is shifted in time
    this.position = 0; // of the next output, in input samples times `up`, counted from the start of `held`
  }

  /** @param {Float32Array} block */
  push(block) {
    const input = new Float32Array(this.held.length + block.length);
    input.set(this.held);
    input.set(block, this.held.length);
    const output = [];
    const width = 2 * this.half;
    while (Math.floor(this.position / this.up) + width < input.length) {
      const start = Math.floor(this.position / this.up);
      const weights = this.phases[this.position % this.up];
      let sum = 0;
      for (let i = 0; i <= width; i++) sum += weights[i] * input[start + i];
      output.push(sum);
      this.position += this.down;
    }
    const used = Math.min(Math.floor(this.position / this.up), input.length);
    this.held = input.slice(used);
    this.position -= used * this.up;
    return Float32Array.from(output);
  }
}

/** @param {number} fraction @param {number} half @param {number} from @param {number} to */
function taps(fraction, half, from, to) {
  const band = CUTOFF * Math.min(1, to / from);
  const weights = Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
    const x = i - half - fraction;
    const edge = Math.abs(x) / (half + 1);
    const angle = Math.PI * (1 + edge); // Blackman, centred
    const window = edge >= 1 ? 0 : 0.42 - 0.5 * Math.cos(angle) + 0.08 * Math.cos(2 * angle);
    const y = Math.PI * band * x;
    return band * window * (x === 0 ? 1 : Math.sin(y) / y);
  });
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** @param {number} a @param {number} b @returns {number} */
function gcd(a, b) {
  return b ? gcd(b, a % b) : a;
}

class Pcm extends Processor {
  constructor() {
    super();
    this.resampler = sampleRate === RATE ? null : new Resampler(sampleRate);
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
    this.energy = this.peak = this.counted = 0;
    this.running = true;
    this.port.onmessage = () => this.flush();
  }

  /** @param {Float32Array[][]} inputs */
  process([channels]) {
    if (channels?.length) {
      const mono = channels.length === 1 ? channels[0] : mix(channels);
      for (const sample of this.resampler ? this.resampler.push(mono) : mono) this.take(sample);
    }
    return this.running;
  }

  /** @param {number} sample */
  take(sample) {
    this.frame[this.filled++] = Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
    if (this.filled === FRAME) this.send();
    this.energy += sample * sample;
    this.peak = Math.max(this.peak, Math.abs(sample));
    if (++this.counted < LEVEL_EVERY) return;
    this.port.postMessage({ rms: Math.sqrt(this.energy / this.counted), peak: this.peak });
    this.energy = this.peak = this.counted = 0;
  }

  send() {
    const { buffer } = this.frame.slice(0, this.filled);
    this.port.postMessage({ pcm: buffer }, [buffer]);
    this.filled = 0;
  }

  flush() {
    if (this.filled) this.send();
    this.running = false;
    this.port.postMessage({ flushed: true });
  }
}

/** @param {Float32Array[]} channels */
function mix(channels) {
  return channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
}

if (onAudioThread) registerProcessor("pcm", Pcm);
