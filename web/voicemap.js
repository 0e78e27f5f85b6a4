// The map of voices: a dot a person, near where they sound alike. The list below it says the same in words.

import { $, count, find, hue, svg } from "./dom.js";

/** @typedef {{ x: number, y: number }} Spot @typedef {{ width: number, height: number }} Size */
/** @typedef {{ left: number, right: number, top: number, bottom: number }} Box */

const MARGIN = { x: 56, y: 28 };
const TALLEST = 340;
const DOT = 8;
const LETTER = 7.2; // about the width of one
const LINE = 17;

// `chosen(id)` is called when somebody is picked on the map.
/** @param {HTMLElement} root @param {Wire.VoiceMap} map @param {(id: string) => void} chosen */
export function drawMap(root, { places, left_out: leftOut }, chosen) {
  const plot = find(SVGSVGElement, "svg", root);
  // Drawn as wide as it is shown, so that names are as large as the other words.
  const { size, at } = layout(places, Math.max(260, plot.clientWidth));
  plot.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  const ties = pairs(places).map(([one, two]) => tie(at[one], at[two]));
  plot.replaceChildren(...ties, ...dots(places, at, size, chosen));
  const close = ties.length;
  plot.setAttribute(
    "aria-label",
    `Map of ${count(places.length, "voice")}. The list below says of each who sounds closest.`,
  );
  const words = close
    ? `${count(close, "pair sounds", "pairs sound")} so much alike that I may take one for the other.`
    : "All of them are well apart.";
  $(".map-words", root).textContent = leftOut ? `${words} The newest ${places.length} are shown.` : words;
}

// The same scale both ways, so that near is near in every direction; no higher than it has to be.
/** @param {Wire.MapPlace[]} places @param {number} width */
function layout(places, width) {
  /** @param {"x" | "y"} key */
  const span = (key) => [
    Math.min(...places.map((place) => place[key])),
    Math.max(...places.map((place) => place[key])),
  ];
  const [[left, right], [top, bottom]] = [span("x"), span("y")];
  const scale = Math.min((width - 2 * MARGIN.x) / (right - left || 1), TALLEST / (bottom - top || 1));
  const size = { width, height: (bottom - top) * scale + 2 * MARGIN.y };
  /** @param {Wire.MapPlace} place */
  const spot = ({ x, y }) => ({ x: width / 2 + (x - (left + right) / 2) * scale, y: MARGIN.y + (y - top) * scale });
  return { size, at: Object.fromEntries(places.map((place) => [place.speaker.id, spot(place)])) };
}

// Those who may be taken for each other, each pair once.
/** @param {Wire.MapPlace[]} places */
function pairs(places) {
  const found = new Map();
  for (const { alike, closest, speaker } of places)
    if (alike && closest) found.set([speaker.id, closest.id].sort().join(), [speaker.id, closest.id]);
  return [...found.values()];
}

/** @param {Spot} one @param {Spot} two */
const tie = (one, two) => svg("line", { class: "map-tie", x1: one.x, y1: one.y, x2: two.x, y2: two.y });

/**
 * @param {Wire.MapPlace[]} places
 * @param {Record<string, Spot>} at
 * @param {Size} size
 * @param {(id: string) => void} chosen
 */
function dots(places, at, size, chosen) {
  const taken = Object.values(at).map(({ x, y }) => ({ left: x - DOT, right: x + DOT, top: y - DOT, bottom: y + DOT }));
  return places.map(({ speaker, alike }) => {
    const { x, y } = at[speaker.id];
    const dot = svg("circle", { class: alike ? "map-dot alike" : "map-dot", cx: x, cy: y, r: DOT });
    dot.style.setProperty("--hue", `${hue(speaker.id)}`);
    const title = svg("title");
    title.textContent = speaker.name;
    const person = svg("g", { class: "map-person" }, title, dot, ...label(speaker.name, x, y, taken, size));
    person.addEventListener("click", () => chosen(speaker.id));
    return person;
  });
}

// The name where there is room for it, else its first word, else it waits for the pointer.
/** @param {string} name @param {number} x @param {number} y @param {Box[]} taken @param {Size} size */
function label(name, x, y, taken, size) {
  const short = name.length > 22 ? `${name.slice(0, 21)}…` : name;
  const placed = placeWords(short, x, y, taken, size) ?? placeWords(short.split(" ")[0], x, y, taken, size);
  return placed ? [placed] : [];
}

// Right, left, below or above the dot.
/** @param {string} short @param {number} x @param {number} y @param {Box[]} taken @param {Size} size */
function placeWords(short, x, y, taken, size) {
  const width = short.length * LETTER;
  const wishes = [
    { left: x + DOT + 5, top: y - LINE / 2, anchor: "start", tx: x + DOT + 5, ty: y + 4.5 },
    { left: x - DOT - 5 - width, top: y - LINE / 2, anchor: "end", tx: x - DOT - 5, ty: y + 4.5 },
    { left: x - width / 2, top: y + DOT + 2, anchor: "middle", tx: x, ty: y + DOT + 15 },
    { left: x - width / 2, top: y - DOT - LINE - 2, anchor: "middle", tx: x, ty: y - DOT - 6 },
  ];
  for (const { left, top, anchor, tx, ty } of wishes) {
    const box = { left, right: left + width, top, bottom: top + LINE };
    if (
      left < 2 ||
      box.right > size.width - 2 ||
      top < 0 ||
      box.bottom > size.height ||
      taken.some((other) => overlap(box, other))
    )
      continue;
    taken.push(box);
    const words = svg("text", { class: "map-name", x: tx, y: ty, "text-anchor": anchor });
    words.textContent = short;
    return words;
  }
  return null;
}

/** @param {Box} a @param {Box} b */
const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
