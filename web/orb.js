// The round button with the voice around it: rays that follow the level, and a ring that fills with speech.

import { $, find } from "./dom.js";

const SIZE = 300;
const RAYS = 60; // on each side; the newest is on top, older ones flow down both sides
const INNER = 103;
const LONGEST = 34;
const RING = 94;
const FLOOR_DB = -55;

export class Orb {
  #root;
  #canvas;
  #levels = new Float32Array(RAYS);
  #progress = 0;
  #shown = 0;
  #frame = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#canvas = find(HTMLCanvasElement, "canvas", root);
    this.button = find(HTMLButtonElement, "button", root);
    const scale = Math.min(3, devicePixelRatio || 1);
    this.#canvas.width = this.#canvas.height = SIZE * scale;
    this.#canvas.getContext("2d")?.scale(scale, scale);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.#draw();
  }

  get state() {
    return this.#root.dataset.state ?? "idle";
  }

  // "idle", "opening", "asking" (it can be given up), "listening", "thinking", then "known", "unknown", "unsure" or "refused"
  /** @param {string} state @param {string} label */
  set(state, label, symbol = state === "listening" || state === "asking" ? "stop" : "mic") {
    this.#root.dataset.state = state;
    $(".orb-label", this.button).textContent = label;
    find(SVGUseElement, "use", this.button).setAttribute("href", `#i-${symbol}`);
    this.button.disabled = state === "opening" || state === "thinking";
    if (state === "opening") this.reset();
    else if (state !== "listening") this.#levels.fill(0);
    this.#draw();
  }

  reset() {
    this.#levels.fill(0);
    this.#progress = this.#shown = 0;
  }

  /** @param {Page.Level} level */
  level({ rms }) {
    const loud = (20 * Math.log10(rms + 1e-6) - FLOOR_DB) / -FLOOR_DB;
    this.#levels.copyWithin(1, 0);
    this.#levels[0] = Math.max(0, Math.min(1, loud));
    this.#draw();
  }

  // Share of the speech that is needed, 0 to 1.
  /** @param {number} share */
  progress(share) {
    this.#progress = Math.max(0, Math.min(1, share));
    this.#draw();
  }

  #draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint() {
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    const style = getComputedStyle(this.#root);
    context.clearRect(0, 0, SIZE, SIZE);
    context.save();
    context.translate(SIZE / 2, SIZE / 2);
    context.lineCap = "round";
    this.#paintRing(context, style);
    this.#paintRays(context, style.getPropertyValue("--orb"));
    context.restore();
  }

  /** @param {CanvasRenderingContext2D} context @param {CSSStyleDeclaration} style */
  #paintRing(context, style) {
    const gap = this.#progress - this.#shown;
    this.#shown = this.#calm.matches || Math.abs(gap) < 0.005 ? this.#progress : this.#shown + gap * 0.18;
    if (this.#shown !== this.#progress) this.#draw();
    context.lineWidth = 5;
    context.strokeStyle = style.getPropertyValue("--orb-track");
    arc(context, 1);
    if (this.#shown <= 0) return;
    context.strokeStyle = style.getPropertyValue("--orb");
    arc(context, this.#shown);
  }

  /** @param {CanvasRenderingContext2D} context @param {string} colour */
  #paintRays(context, colour) {
    context.lineWidth = 3;
    context.strokeStyle = colour;
    this.#levels.forEach((level, i) => {
      const angle = ((i + 0.5) / RAYS) * Math.PI;
      const length = 0.5 + LONGEST * level ** 1.4;
      context.globalAlpha = 0.16 + 0.84 * (1 - i / RAYS) * Math.min(1, level * 2.2);
      for (const side of [-1, 1]) {
        const x = Math.sin(angle) * side;
        const y = -Math.cos(angle);
        context.beginPath();
        context.moveTo(x * INNER, y * INNER);
        context.lineTo(x * (INNER + length), y * (INNER + length));
        context.stroke();
      }
    });
    context.globalAlpha = 1;
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} share */
function arc(context, share) {
  context.beginPath();
  context.arc(0, 0, RING, -Math.PI / 2, -Math.PI / 2 + share * 2 * Math.PI);
  context.stroke();
}
