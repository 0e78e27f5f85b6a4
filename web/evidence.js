// Why the answer is what it is: the best score as speech came in, against the threshold, and the closest voices as bars.

import { h, score, svg } from "./dom.js";

const BOX = { left: 30, right: 332, top: 10, bottom: 166 };

export class Chart {
  #plot;
  /** @type {{ x: number, y: number, threshold: number }[]} */
  #points = [];

  /** @param {Element} plot */
  constructor(plot) {
    this.#plot = plot;
  }

  clear() {
    this.#points = [];
    this.#plot.replaceChildren();
  }

  /** @param {Wire.Result} result */
  add(result) {
    const best = result.candidates[0]?.score ?? result.score;
    if (best === null || best === undefined || result.speech_seconds <= 0) return;
    const last = this.#last;
    const point = { x: result.speech_seconds, y: best, threshold: result.threshold ?? 0 };
    if (this.#points.length && point.x <= last.x + 0.01) this.#points[this.#points.length - 1] = point;
    else this.#points.push(point);
    this.#draw(result.needed_speech_seconds);
  }

  // There is one as soon as anything was added.
  get #last() {
    return this.#points[this.#points.length - 1];
  }

  /** @param {number} needed */
  #draw(needed) {
    const last = this.#last;
    const { threshold } = last;
    const end = Math.max(needed * 1.5, last.x * 1.04);
    const low = Math.min(0, ...this.#points.map((point) => Math.floor(point.y * 5) / 5));
    /** @param {number} value */
    const x = (value) => BOX.left + (value / end) * (BOX.right - BOX.left);
    /** @param {number} value */
    const y = (value) => BOX.bottom - ((value - low) / (1 - low)) * (BOX.bottom - BOX.top);
    const line = path(this.#points.map((point) => [x(point.x), y(point.y)]));
    // The threshold may move as speech comes in, so it is drawn as it was at each point.
    const first = this.#points[0];
    const ends = [
      [BOX.left, y(first.threshold)],
      ...this.#points.map((point) => [x(point.x), y(point.threshold)]),
      [BOX.right, y(threshold)],
    ];
    const area = `${line}L${x(last.x).toFixed(1)} ${y(low)}L${x(first.x).toFixed(1)} ${y(low)}Z`;
    const above = last.y >= threshold ? "above" : "below";
    this.#plot.replaceChildren(
      ...axes(x, y, end, low),
      svg("rect", {
        class: "chart-early",
        x: BOX.left,
        y: BOX.top,
        width: x(Math.min(needed, end)) - BOX.left,
        height: BOX.bottom - BOX.top,
      }),
      svg("path", { class: "chart-threshold", d: path(ends) }),
      text(
        "chart-threshold-label",
        BOX.right,
        y(threshold) + (above === "above" ? 14 : -6),
        `threshold ${score(threshold)}`,
        "end",
      ),
      svg("path", { class: `chart-area ${above}`, d: area }),
      svg("path", { class: `chart-line ${above}`, d: line }),
      svg("circle", { class: `chart-dot ${above}`, cx: x(last.x), cy: y(last.y), r: 4.5 }),
    );
    const words = `Best score ${score(last.y)} after ${last.x.toFixed(1)} seconds of speech; the threshold is ${score(threshold)}`;
    this.#plot.setAttribute("aria-label", words);
  }
}

/** @param {number[][]} points */
const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** @param {(value: number) => number} x @param {(value: number) => number} y @param {number} end @param {number} low */
function axes(x, y, end, low) {
  const step = end > 24 ? 8 : end > 12 ? 4 : end > 6 ? 2 : 1;
  const marks = [];
  for (let at = 0; at <= end - step / 3; at += step)
    marks.push(text("chart-tick", x(at), BOX.bottom + 16, at ? `${at} s` : "0", "middle"));
  for (const at of [low, (low + 1) / 2, 1]) {
    marks.push(svg("line", { class: "chart-grid", x1: BOX.left, x2: BOX.right, y1: y(at), y2: y(at) }));
    marks.push(text("chart-tick", BOX.left - 6, y(at) + 4, at.toFixed(1), "end"));
  }
  return marks;
}

/** @param {string} kind @param {number} x @param {number} y @param {string} content @param {string} anchor */
function text(kind, x, y, content, anchor) {
  const element = svg("text", { class: kind, x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor });
  element.textContent = content;
  return element;
}

// Bars from 0 to 1. The threshold is the best one's own: other people may have another, so only that bar has the mark.
/** @param {HTMLElement} list @param {Wire.Result} result */
export function showCandidates(list, result) {
  /** @param {number | null} value */
  const percent = (value) => `${Math.round(Math.max(0, Math.min(1, value ?? 0)) * 1000) / 10}%`;
  list.style.setProperty("--threshold", percent(result.threshold));
  list.replaceChildren(
    ...result.candidates.map((candidate, i) => {
      const chosen = candidate.speaker.id === result.speaker?.id;
      const item = h(
        "li",
        { className: chosen ? "candidate chosen" : "candidate" },
        h("span", { className: "candidate-name" }, candidate.speaker.name),
        h("span", { className: "candidate-score" }, score(candidate.score)),
        h("span", { className: "bar", ariaHidden: "true", vars: { share: percent(candidate.score) } }),
      );
      item.classList.toggle("best", i === 0);
      item.classList.toggle("above", i === 0 && result.band === "above");
      return item;
    }),
  );
}
