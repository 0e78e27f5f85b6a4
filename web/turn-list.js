// Thousands of turns as a list of which only the rows in sight exist.

import { clock, h } from "./dom.js";

const ROW = 44;
const SPARE = 6;
const PAGE = 8;

export class TurnList {
  #root;
  #rows = h("div", { className: "bench-rows", role: "presentation" });
  #on;
  /** @type {Page.Bar[]} */
  #bars = [];
  /** @type {Map<number, HTMLElement>} */
  #made = new Map();
  #chosen = -1;
  #frame = 0;

  /** @param {HTMLElement} root a listbox that scrolls @param {{ choose: (bar: Page.Bar) => void, play: (bar: Page.Bar) => void }} on */
  constructor(root, on) {
    this.#root = root;
    this.#on = on;
    root.replaceChildren(this.#rows);
    root.addEventListener("scroll", () => this.#redraw(), { passive: true });
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("click", (event) => this.#press(event, (bar) => on.choose(bar)));
    root.addEventListener("dblclick", (event) => this.#press(event, (bar) => on.play(bar)));
    new ResizeObserver(() => this.#redraw()).observe(root);
  }

  // `follow`: whether the last one stays in sight, where it is.
  /** @param {Page.Bar[]} bars @param {Page.Bar | null} chosen @param {boolean} follow */
  show(bars, chosen, follow) {
    const { scrollTop, clientHeight, scrollHeight } = this.#root;
    this.#bars = bars;
    this.#made.clear();
    this.#rows.replaceChildren();
    this.#chosen = chosen ? bars.indexOf(chosen) : -1;
    this.#rows.style.setProperty("--tall", `${bars.length * ROW}px`);
    if (follow && scrollTop + clientHeight > scrollHeight - ROW) this.#root.scrollTop = bars.length * ROW;
    this.#draw();
  }

  // The chosen one comes into sight.
  /** @param {Page.Bar} bar */
  choose(bar) {
    this.#chosen = this.#bars.indexOf(bar);
    const [top, { scrollTop, clientHeight }] = [this.#chosen * ROW, this.#root];
    if (top < scrollTop) this.#root.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.#root.scrollTop = top + ROW - clientHeight;
    this.#draw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.#bars.length) return;
    const last = this.#bars.length - 1;
    const now = this.#chosen;
    /** @type {Record<string, number>} */
    const places = {
      ArrowDown: now + 1,
      ArrowUp: now - 1,
      PageDown: now + PAGE,
      PageUp: now - PAGE,
      Home: 0,
      End: last,
    };
    const place = places[event.key];
    if (place !== undefined) this.#on.choose(this.#bars[Math.min(last, Math.max(0, place))]);
    else if ([" ", "Enter"].includes(event.key) && now >= 0) this.#on.play(this.#bars[now]);
    else return;
    event.preventDefault();
  }

  /** @param {MouseEvent} event @param {(bar: Page.Bar) => void} then */
  #press(event, then) {
    const bar = this.#bars[Math.floor((event.clientY - this.#rows.getBoundingClientRect().top) / ROW)];
    if (bar) then(bar);
  }

  #redraw() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { scrollTop, clientHeight } = this.#root;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - SPARE);
    const end = Math.min(this.#bars.length, Math.ceil((scrollTop + clientHeight) / ROW) + SPARE);
    this.#keep(first, end);
    let next = this.#rows.firstElementChild;
    for (let i = first; i < end; i++) {
      const row = this.#made.get(i) ?? this.#row(this.#bars[i], i);
      row.ariaSelected = `${i === this.#chosen}`;
      if (row === next) next = row.nextElementSibling;
      else this.#rows.insertBefore(row, next);
    }
    const seen = this.#chosen >= first && this.#chosen < end;
    if (seen) this.#root.setAttribute("aria-activedescendant", `bench-turn-${this.#chosen}`);
    else this.#root.removeAttribute("aria-activedescendant");
  }

  // What is out of sight goes; the rest is not made anew.
  /** @param {number} first @param {number} end */
  #keep(first, end) {
    for (const [i, row] of this.#made) {
      if (i >= first && i < end) continue;
      row.remove();
      this.#made.delete(i);
    }
  }

  /** @param {Page.Bar} bar @param {number} i */
  #row(bar, i) {
    const row = h(
      "div",
      { className: "bench-row", id: `bench-turn-${i}`, role: "option", vars: { top: `${i * ROW}px`, hue: bar.hue } },
      h("span", { className: "turn-at" }, clock(bar.at)),
      h("span", { className: bar.named ? "swatch" : "swatch pale", ariaHidden: "true" }),
      h("span", { className: "turn-name", dir: "auto" }, bar.name),
      bar.lane > 0 && h("span", { className: "label" }, "at once"),
      h("span", { className: "turn-seconds" }, `${(bar.until - bar.at).toFixed(1)} s`),
    );
    row.ariaSetSize = `${this.#bars.length}`;
    row.ariaPosInSet = `${i + 1}`;
    this.#made.set(i, row);
    return row;
  }
}
