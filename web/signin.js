// Signing in, where the server asks for a token: once, then a cookie that no script can read keeps it.

import { $, button, h } from "./dom.js";
import { Refusal } from "./protocol.js";

/** @type {Record<string, string[]>} */
const VIEWS = { enroll: ["enroll", "operate"], people: ["enroll", "operate"], health: ["operate"] };

/** @param {string} method @param {object} [body] */
async function session(method = "GET", body = undefined) {
  const response = await fetch("/v1/session", {
    method,
    body: body && JSON.stringify(body),
    credentials: "same-origin",
  });
  const said = await response.json().catch(() => null);
  if (response.ok) return said;
  throw new Refusal(
    said?.error?.code ?? "internal_error",
    said?.error?.message ?? `The server answered ${response.status}.`,
  );
}

// Resolves when nobody needs to sign in, or somebody has. Asks again when the server ends the connection and does not
// know the cookie any more.
/** @param {import("./protocol.js").Connection} connection */
export async function signedIn(connection) {
  await enter().catch(() => {}); // a server that does not answer is the connection's story to tell
  let asking = false;
  connection.addEventListener("state", async () => {
    if (connection.state !== "waiting" || asking) return;
    asking = true;
    await enter().catch(() => {});
    asking = false;
  });
}

async function enter() {
  const { token_needed: needed, scopes, sign_in_with: service } = await session();
  if (!needed) return;
  show(scopes.length ? scopes : await ask(service));
  if (!document.querySelector("#sign-out"))
    $("#about").after(h("p", { id: "sign-out", className: "about" }, button("Sign out", "ghost", leave)));
}

// Views and buttons that would only be refused are not offered.
/** @param {string[]} scopes */
function show(scopes) {
  document.body.dataset.may = scopes.includes("operate")
    ? "operate"
    : scopes.includes("enroll")
      ? "enroll"
      : "identify";
  for (const [view, enough] of Object.entries(VIEWS)) {
    $(`.tabs a[data-view="${view}"]`).hidden = !scopes.some((scope) => enough.includes(scope));
  }
}

async function leave() {
  await session("DELETE").catch(() => {});
  location.reload();
}

/** @param {string} [service] @returns {Promise<string[]>} */
function ask(service) {
  const error = h("p", { className: "field-error", role: "alert" });
  const input = h("input", {
    type: "password",
    name: "token",
    autocomplete: "current-password",
    required: true,
    spellcheck: false,
  });
  const form = h(
    "form",
    {},
    h("h2", { id: "sign-in-title" }, "Sign in"),
    service && h("p", {}, h("a", { className: "button primary", href: "/oidc/start" }, `Sign in with ${service}`)),
    h("label", { className: "field" }, h("span", {}, "The token that you were given"), input),
    error,
    h("div", { className: "actions" }, h("button", { type: "submit", className: "button primary" }, "Sign in")),
  );
  const dialog = h("dialog", { id: "sign-in", className: "dialog", "aria-labelledby": "sign-in-title" }, form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const { scopes } = await session("POST", { token: input.value });
        dialog.remove();
        resolve(scopes);
      } catch (refusal) {
        error.textContent = refusal instanceof Error ? refusal.message : "";
        input.select();
      }
    });
  });
}
