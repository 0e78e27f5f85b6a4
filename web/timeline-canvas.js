// A recording drawn: how loud it is, and the turns of its voices in colours, overlap in lanes; as long as the zoom wants.

import { clock, find } from "./dom.js";
import { Drawing, heightOf, laneAt } from "./timeline-drawing.js";

const MOST_PIXELS_A_SECOND = 60;
const KEYS = { ArrowLeft: -5, ArrowRight: 5, PageUp: -30, PageDown: 30, Home: -Infinity, End: Infinity };

export class TimelineCanvas {
  #root;
  #canvas;
  #drawing;
  #on;
  /** @type {Page.Arranged} */
  #data = { bars: [], voices: [], lanes: 1, longest: 0 };
  /** @type {Page.Peaks | null} */
  #peaks = null;
  #seconds = 1;
  #heard = 0;
  #at = 0;
  #zoom = 1;
  /** @type {Page.Bar | null} */
  #chosen = null;
  #frame = 0;

  /**
   * @param {HTMLElement} root scrolls sideways, and is the slider of the position
   * @param {{ seek: (at: number) => void, choose: (bar: Page.Bar) => void }} on
   */
  constructor(root, on) {
    this.#root = root;
    this.#on = on;
    this.#canvas = find(HTMLCanvasElement, "canvas", root);
    this.#drawing = new Drawing(this.#canvas);
    root.addEventListener("scroll", () => this.#redraw(), { passive: true });
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#canvas.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => this.#redraw()).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  reset() {
    this.#peaks = this.#chosen = null;
    this.#at = 0;
    this.zoomTo(1);
  }

  // `heard`: how much of it all, in seconds, the turns tell.
  /** @param {Page.Arranged} data @param {number} seconds @param {number} heard */
  show(data, seconds, heard) {
    this.#data = data;
    this.#seconds = Math.max(1, seconds);
    this.#heard = heard;
    this.#redraw();
  }

  /** @param {Page.Peaks | null} peaks */
  wave(peaks) {
    this.#peaks = peaks;
    this.#redraw();
  }

  /** @param {Page.Bar | null} bar */
  choose(bar, reveal = true) {
    this.#chosen = bar;
    if (bar && reveal) this.#reveal(bar.at);
    this.#redraw();
  }

  // Where it plays. The window follows, unless the person looks at something else.
  /** @param {number} at */
  at(at, follow = this.#sees(this.#at)) {
    this.#at = at;
    if (follow) this.#reveal(at);
    this.#redraw();
  }

  get zoom() {
    return this.#zoom;
  }

  // `around`: the pixel, counted from the window's left, whose moment stays where it is.
  /** @param {number} zoom */
  zoomTo(zoom, around = this.#width / 2) {
    const moment = this.#moment(around);
    const most = Math.max(1, (MOST_PIXELS_A_SECOND * this.#seconds) / this.#width);
    this.#zoom = Math.min(most, Math.max(1, zoom));
    this.#root.style.setProperty("--zoom", `${this.#zoom}`);
    this.#root.scrollLeft = moment * this.#scale - around;
    this.#redraw();
  }

  get #width() {
    return this.#root.clientWidth || 1;
  }

  // Pixels a second.
  get #scale() {
    return (this.#width * this.#zoom) / this.#seconds;
  }

  /** @param {number} x */
  #moment(x) {
    return (this.#root.scrollLeft + x) / this.#scale;
  }

  /** @param {number} at */
  #sees(at) {
    return this.#x(at) >= 0 && this.#x(at) <= this.#width;
  }

  /** @param {number} at */
  #reveal(at) {
    if (!this.#sees(at)) this.#root.scrollLeft = at * this.#scale - this.#width * 0.1;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = KEYS[/** @type {keyof typeof KEYS} */ (event.key)];
    if (step !== undefined) this.#on.seek(Math.min(this.#seconds, Math.max(0, this.#at + step)));
    else if ("+=".includes(event.key)) this.zoomTo(this.#zoom * 2, this.#at * this.#scale - this.#root.scrollLeft);
    else if (event.key === "-") this.zoomTo(this.#zoom / 2);
    else return;
    event.preventDefault();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.zoomTo(this.#zoom * 1.01 ** -event.deltaY, event.offsetX);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const at = this.#moment(event.offsetX);
    const lane = laneAt(event.offsetY, this.#peaks);
    const under = this.#seen(at, at).filter((bar) => at >= bar.at && at <= bar.until);
    const bar = under.find((one) => one.lane === lane) ?? under[0];
    if (bar) this.#on.choose(bar);
    this.#on.seek(at);
  }

  // The turns between two moments, and a few before.
  /** @param {number} from @param {number} until */
  #seen(from, until) {
    const { bars, longest } = this.#data;
    return bars.slice(firstAt(bars, from - longest), firstAt(bars, until + 1e-6));
  }

  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const [width, scale, left] = [this.#width, this.#scale, this.#root.scrollLeft];
    const height = heightOf(this.#data, this.#peaks);
    this.#root.style.setProperty("--tall", `${height}px`);
    this.#drawing.draw({
      ...{ width, height, scale, left },
      ...{ peaks: this.#peaks, chosen: this.#chosen, seconds: this.#seconds, heard: this.#heard, at: this.#at },
      bars: this.#seen(this.#moment(0), this.#moment(width)),
    });
    this.#tell();
  }

  /** @param {number} at */
  #x(at) {
    return at * this.#scale - this.#root.scrollLeft;
  }

  // For screen readers.
  #tell() {
    const said = `${clock(this.#at)} of ${clock(this.#seconds)}`;
    if (this.#root.ariaValueText === said) return;
    this.#root.ariaValueText = said;
    this.#root.ariaValueMax = `${Math.round(this.#seconds)}`;
    this.#root.ariaValueNow = `${Math.round(this.#at)}`;
  }
}

// The index of the first turn that begins then or later.
/** @param {Page.Bar[]} bars @param {number} at */
export function firstAt(bars, at) {
  let [low, high] = [0, bars.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle].at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
