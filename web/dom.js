// Small helpers for the page. Text always goes in as text, never as HTML.

// An element that the page is known to hold.
/** @param {string} selector @param {ParentNode} [root] @returns {HTMLElement} */
export const $ = (selector, root) => find(HTMLElement, selector, root);

/**
 * @template {Element} T
 * @param {new () => T} kind
 * @param {string} selector
 * @param {ParentNode} root
 */
export function find(kind, selector, root = document) {
  const element = root.querySelector(selector);
  if (element instanceof kind) return element;
  throw new TypeError(`The page holds no ${selector}.`);
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} properties
 * @param {...Page.Child} children
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, properties);
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  element.append(...children);
  return element;
}

/** @param {HTMLElement} element @param {Record<string, any>} properties */
function fill(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name === "vars") for (const [key, v] of Object.entries(value)) element.style.setProperty(`--${key}`, v);
    else if (name in element) Object.assign(element, { [name]: value });
    else element.setAttribute(name, value);
  }
}

/** @param {string} name */
export const icon = (name) => svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

/** @param {string} label @param {string} kind @param {() => unknown} onClick */
export const button = (label, kind, onClick) =>
  h("button", { type: "button", className: `button ${kind}`, on: { click: onClick } }, label);

// For screen readers; the same words twice are said twice only when something else was said between.
/** @param {string} text */
export function announce(text) {
  $("#live").textContent = text;
}

let toastTimer = 0;
/** @param {string} text */
export function toast(text) {
  const box = $("#toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 6000);
}

// Resolves with whether the person said yes. Escape and "Cancel" are no.
/** @param {string} title @param {string} text @param {string} yes @returns {Promise<boolean>} */
export function confirm(title, text, yes, kind = "danger") {
  const dialog = find(HTMLDialogElement, "#confirm");
  $("#confirm-title").textContent = title;
  $("#confirm-text").textContent = text;
  $("#confirm-yes").textContent = yes;
  $("#confirm-yes").className = `button ${kind}`;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
/** @param {string} text */
export const day = (text) => DAY.format(new Date(text));

// 0:07, 12:30 or 1:02:03.
/** @param {number} value */
export function clock(value) {
  const whole = Math.max(0, Math.floor(value));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = `${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}
/** @param {number} value */
export const seconds = (value) => `${value.toFixed(1)} s`;
/** @param {number | null | undefined} value */
export const score = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));
/** @param {number} number @param {string} one @param {string} many */
export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

// One colour a person, the same everywhere, made from the opaque id.
/** @param {string} id */
export function hue(id) {
  let sum = 7;
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 3600;
  return sum % 360;
}

/** @param {Wire.SpeakerRef | null | undefined} speaker */
export function avatar(speaker) {
  const [initial] = new Intl.Segmenter().segment(speaker?.name ?? "?");
  const face = h("span", { className: "avatar", ariaHidden: "true" }, initial?.segment.toLocaleUpperCase() ?? "?");
  if (speaker) face.style.setProperty("--hue", `${hue(speaker.id)}`);
  else face.classList.add("nobody");
  return face;
}

// Hands something over as a JSON file.
/** @param {unknown} what @param {string} name */
export const save = (what, name) =>
  saveFile(new Blob([JSON.stringify(what, null, 2)], { type: "application/json" }), name);

/** @param {Blob} blob @param {string} name */
export function saveFile(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Pages without TLS may not write to the clipboard.
/** @param {string} text */
export const copy = (text) =>
  Promise.resolve(navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
    () => toast("Copied."),
    () => toast("The browser does not let me copy. Save it instead."),
  );

// Files or folders dropped on an element; `take` gets the DataTransfer.
/** @param {HTMLElement} element @param {(data: DataTransfer) => unknown} take */
export function dropTarget(element, take) {
  /** @param {boolean} on */
  const mark = (on) => element.classList.toggle("dropping", on);
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  element.addEventListener("dragleave", (event) => {
    if (!(event.relatedTarget instanceof Node && element.contains(event.relatedTarget))) mark(false);
  });
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer) take(event.dataTransfer);
  });
}
