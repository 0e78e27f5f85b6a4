// Small plots in SVG: a line with its interval, and two humps with the line between them.

import { svg } from "./dom.js";

const BOX = { left: 38, right: 330, top: 12, bottom: 150 };

// points: [{ at, missed, low, high }], `at` on a logarithmic scale; `here`: the `at` where we are.
/**
 * @param {Wire.Share[]} points
 * @param {{ here: number, ticks: number[], name: (tick: number) => string, label: string }} how
 */
export function costPlot(points, { here, ticks, name, label }) {
  const [first, last] = [Math.log(points[0].at), Math.log(points[points.length - 1].at)];
  const top = Math.min(1, Math.max(0.1, ...points.map((point) => point.high)));
  /** @param {number} at */
  const x = (at) => BOX.left + ((Math.log(at) - first) / (last - first || 1)) * (BOX.right - BOX.left);
  /** @param {number} share */
  const y = (share) => BOX.bottom - (share / top) * (BOX.bottom - BOX.top);
  /** @param {"missed" | "low" | "high"} key */
  const along = (key) => points.map((point) => [x(point.at), y(point[key])]);
  const nearest = points.reduce((best, point) =>
    Math.abs(Math.log(point.at / here)) < Math.abs(Math.log(best.at / here)) ? point : best,
  );
  const plot = frame(340, 174, label);
  for (const share of [0, top / 2, top])
    plot.append(grid(BOX, y(share)), text(BOX.left - 6, y(share) + 4, percent(share), "end"));
  for (const tick of ticks.filter((at) => at >= points[0].at * 0.99 && at <= points[points.length - 1].at * 1.01))
    plot.append(text(x(tick), BOX.bottom + 16, name(tick), "middle"));
  plot.append(
    svg("path", { class: "plot-band", d: `${path(along("high"))}L${path(along("low").reverse()).slice(1)}Z` }),
    svg("path", { class: "plot-line", d: path(along("missed")) }),
    svg("line", { class: "plot-mark", x1: x(nearest.at), x2: x(nearest.at), y1: BOX.top, y2: BOX.bottom }),
    svg("circle", { class: "plot-dot", cx: x(nearest.at), cy: y(nearest.missed), r: 4.5 }),
  );
  return plot;
}

// separation: { edges, enrolled, strangers, threshold }
/** @param {Wire.Separation} separation @param {string} label */
export function separationPlot({ edges, enrolled, strangers, threshold }, label) {
  // On a phone no wider than the others, so that its words can be read.
  const box = { ...BOX, left: 8, right: innerWidth > 640 ? 680 : 330 };
  const top = Math.max(...enrolled, ...strangers) * 1.12;
  /** @param {number} at */
  const x = (at) => box.left + ((at - edges[0]) / (edges[edges.length - 1] - edges[0])) * (box.right - box.left);
  /** @param {number} share */
  const y = (share) => box.bottom - (share / top) * (box.bottom - box.top);
  /** @param {number} i */
  const middle = (i) => (edges[i] + edges[i + 1]) / 2;
  /** @param {number[]} shares @param {string} kind */
  const hump = (shares, kind) => {
    const line = path(shares.map((share, i) => [x(middle(i)), y(share)]));
    return svg("path", {
      class: `hump ${kind}`,
      d: `${line}L${x(edges[edges.length - 1])} ${box.bottom}L${x(edges[0])} ${box.bottom}Z`,
    });
  };
  /** @param {number[]} shares */
  const peak = (shares) => shares.indexOf(Math.max(...shares));
  /** @param {number[]} shares @param {string} kind @param {string} words */
  const name = (shares, kind, words) =>
    text(x(middle(peak(shares))), y(shares[peak(shares)]) - 6, words, "middle", kind);
  const plot = frame(box.right + 10, 176, label);
  plot.append(
    grid(box, box.bottom),
    hump(strangers, "strangers"),
    hump(enrolled, "enrolled"),
    name(strangers, "strangers", "other voices"),
    name(enrolled, "enrolled", "the right voice"),
    svg("line", { class: "plot-mark", x1: x(threshold), x2: x(threshold), y1: box.top - 8, y2: box.bottom }),
    text(x(threshold) + 6, box.top, "threshold", "start"),
    text(box.left, box.bottom + 18, "← unlike", "start"),
    text(box.right, box.bottom + 18, "alike →", "end"),
  );
  return plot;
}

/** @param {number} width @param {number} height @param {string} label */
const frame = (width, height, label) =>
  svg("svg", { class: "chart-plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
/** @param {number[][]} points */
const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
/** @param {typeof BOX} box @param {number} y */
const grid = (box, y) => svg("line", { class: "chart-grid", x1: box.left, x2: box.right, y1: y, y2: y });

/** @param {number} x @param {number} y @param {string} words @param {string} anchor */
function text(x, y, words, anchor, kind = "chart-tick") {
  const element = svg("text", { class: kind, x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor });
  element.textContent = words;
  return element;
}

const SHARE = new Intl.NumberFormat(undefined, { style: "percent", maximumSignificantDigits: 2 });
/** @param {number} share */
export const percent = (share) => SHARE.format(share);
