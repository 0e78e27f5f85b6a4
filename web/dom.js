// Small helpers for the page. Text always goes in as text, never as HTML.

export const $ = (selector, root = document) => root.querySelector(selector);

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, properties);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function fill(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name === "vars") for (const [key, v] of Object.entries(value)) element.style.setProperty(`--${key}`, v);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
}

export const icon = (name) => svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

export const button = (label, kind, onClick) => h("button", { type: "button", className: `button ${kind}`, on: { click: onClick } }, label);

// For screen readers; the same words twice are said twice only when something else was said between.
export function announce(text) {
  $("#live").textContent = text;
}

let toastTimer = 0;
export function toast(text) {
  const box = $("#toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 6000);
}

// Resolves with whether the person said yes. Escape and "Keep" are no.
export function confirm(title, text, yes, kind = "danger") {
  const dialog = $("#confirm");
  $("#confirm-title").textContent = title;
  $("#confirm-text").textContent = text;
  $("#confirm-yes").textContent = yes;
  $("#confirm-yes").className = `button ${kind}`;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

export const seconds = (value) => `${value.toFixed(1)} s`;
export const score = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));
export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

// One colour a person, the same everywhere, made from the opaque id.
export function hue(id) {
  let sum = 7;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 3600;
  return sum % 360;
}

export function avatar(speaker) {
  const [initial] = new Intl.Segmenter().segment(speaker?.name ?? "?");
  const face = h("span", { className: "avatar", ariaHidden: "true" }, initial?.segment.toLocaleUpperCase() ?? "?");
  if (speaker) face.style.setProperty("--hue", hue(speaker.id));
  else face.classList.add("nobody");
  return face;
}

// Hands something over as a JSON file.
export function save(what, name) {
  const link = h("a", { href: URL.createObjectURL(new Blob([JSON.stringify(what, null, 2)], { type: "application/json" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Files or folders dropped on an element; `take` gets the DataTransfer.
export function dropTarget(element, take) {
  const mark = (on) => element.classList.toggle("dropping", on);
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) mark(false);
  });
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer) take(event.dataTransfer);
  });
}
