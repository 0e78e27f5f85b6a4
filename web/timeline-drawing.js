// What is drawn of a recording between two moments: how loud it is, the turns in lanes, the time, where it plays.

import { clock } from "./dom.js";
import { PEAKS_A_SECOND } from "./waveform.js";

const WAVE = 64;
const LANE = 26;
const RULER = 20;
const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200];
const TICK_PIXELS = 80;
const COLOURS = { ink: "--ink", soft: "--soft", wash: "--wash", bar: "--bar", pale: "--bar-pale", barInk: "--bar-ink" };

/**
 * `scale`: pixels a second; `left`: the first pixel shown; `heard`: seconds that the turns tell; `at`: where it plays.
 * @typedef {object} Scene
 * @property {number} width @property {number} height @property {number} scale @property {number} left
 * @property {Page.Peaks | null} peaks @property {Page.Bar[]} bars @property {Page.Bar | null} chosen
 * @property {number} seconds @property {number} heard @property {number} at
 */

/** @param {Page.Peaks | null} peaks */
const waveHeight = (peaks) => (peaks ? WAVE : 0);

/** @param {Page.Arranged} data @param {Page.Peaks | null} peaks */
export const heightOf = ({ lanes }, peaks) => waveHeight(peaks) + lanes * LANE + RULER;

// The lane at that height.
/** @param {number} y @param {Page.Peaks | null} peaks */
export const laneAt = (y, peaks) => Math.floor((y - waveHeight(peaks)) / LANE);

export class Drawing {
  #canvas;
  #pen;
  #style;
  #colours = COLOURS;
  #font = "";

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#style = getComputedStyle(canvas);
  }

  /** @param {Scene} scene */
  draw(scene) {
    const [pen, low] = [this.#pen, scene.height - RULER];
    this.#fit(scene);
    this.#readStyle();
    pen.clearRect(0, 0, scene.width, scene.height);
    pen.fillStyle = this.#colours.wash;
    pen.fillRect(xOf(scene, scene.heard), 0, (scene.seconds - scene.heard) * scene.scale, low);
    if (scene.peaks) this.#wave(scene, scene.peaks);
    for (const bar of scene.bars) this.#bar(scene, bar);
    this.#ruler(scene);
    pen.fillStyle = this.#colours.ink;
    pen.fillRect(xOf(scene, scene.at) - 1, 0, 2, low);
  }

  /** @param {Scene} scene */
  #fit({ width, height }) {
    const [wide, tall] = [width, height].map((size) => Math.round(size * devicePixelRatio));
    if (this.#canvas.width !== wide || this.#canvas.height !== tall)
      Object.assign(this.#canvas, { width: wide, height: tall });
    this.#pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  }

  // By day and by night they differ.
  #readStyle() {
    const read = Object.entries(COLOURS).map(([key, name]) => [key, this.#style.getPropertyValue(name)]);
    this.#colours = Object.fromEntries(read);
    this.#font = this.#style.fontFamily;
  }

  /** @param {Scene} scene @param {Page.Peaks} peaks */
  #wave({ width, left, scale }, peaks) {
    const step = PEAKS_A_SECOND / scale;
    this.#pen.fillStyle = this.#colours.soft;
    for (let x = 0; x < width; x++) {
      const loud = loudest(peaks, (left + x) * step, (left + x + 1) * step) / peaks.loudest;
      const tall = loud ** 0.6 * (WAVE - 8); // soft speech is seen beside loud
      this.#pen.fillRect(x, (WAVE - tall) / 2, 1, tall);
    }
  }

  // Named: filled. Others: paler, with a line under them.
  /** @param {Scene} scene @param {Page.Bar} bar */
  #bar(scene, bar) {
    const [pen, tall] = [this.#pen, LANE - 4];
    const [x, y] = [xOf(scene, bar.at), waveHeight(scene.peaks) + bar.lane * LANE + 2];
    const wide = Math.max(1.5, (bar.until - bar.at) * scene.scale - 1);
    pen.fillStyle = `hsl(${bar.hue} 55% ${bar.named ? this.#colours.bar : this.#colours.pale})`;
    pen.fillRect(x, y, wide, tall);
    pen.fillStyle = `hsl(${bar.hue} 60% ${this.#colours.barInk})`;
    if (!bar.named) pen.fillRect(x, y + tall - 3, wide, 3);
    if (wide > 30) this.#write(bar.name, Math.max(0, x), y, x + wide, tall);
    if (bar === scene.chosen) this.#frame(x, y, wide, tall);
  }

  /** @param {number} x @param {number} y @param {number} wide @param {number} tall */
  #frame(x, y, wide, tall) {
    this.#pen.strokeStyle = this.#colours.ink;
    this.#pen.lineWidth = 2;
    this.#pen.strokeRect(x - 1, y - 1, Math.max(3, wide) + 2, tall + 2);
  }

  /** @param {string} name @param {number} x @param {number} y @param {number} end @param {number} tall */
  #write(name, x, y, end, tall) {
    const pen = this.#pen;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, end - x - 2, tall);
    pen.clip();
    pen.font = `600 12px ${this.#font}`;
    pen.fillText(name, x + 5, y + tall / 2 + 4);
    pen.restore();
  }

  /** @param {Scene} scene */
  #ruler(scene) {
    const { left, scale, width, height, seconds } = scene;
    const step = STEPS.find((one) => one * scale >= TICK_PIXELS) ?? 7200;
    const until = Math.min((left + width) / scale, seconds);
    this.#pen.fillStyle = this.#colours.soft;
    this.#pen.font = `11px ${this.#font}`;
    for (let at = Math.floor(left / scale / step) * step; at <= until; at += step) {
      this.#pen.fillRect(xOf(scene, at), height - RULER, 1, 5);
      this.#pen.fillText(clock(at), xOf(scene, at) + 4, height - 6);
    }
  }
}

/** @param {Scene} scene @param {number} at */
const xOf = ({ scale, left }, at) => at * scale - left;

/** @param {Page.Peaks} peaks @param {number} from @param {number} until */
function loudest({ values, filled }, from, until) {
  const start = Math.floor(from);
  const end = Math.min(filled, Math.max(until, start + 1));
  let most = 0;
  for (let i = start; i < end; i++) if (values[i] > most) most = values[i];
  return most;
}
