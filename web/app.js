// Puts the page together: which view is shown, the connection's banner, the footer, the keyboard.

import { $, find, h } from "./dom.js";
import { EnrollView } from "./enroll.js";
import { showFooter } from "./footer.js";
import { HealthView } from "./health.js";
import { IdentifyView } from "./identify.js";
import { PeopleView } from "./people.js";
import { Connection, rest } from "./protocol.js";
import { signedIn } from "./signin.js";

class App {
  connection = new Connection();
  threshold = 0;
  /** @type {Record<string, Page.View>} */
  #views = {};
  /** @type {Page.View | null} */
  #view = null;
  #wasLost = false;

  start() {
    this.#views = {
      identify: new IdentifyView(this),
      enroll: new EnrollView(this),
      people: new PeopleView(this),
      health: new HealthView(),
    };
    this.connection.addEventListener("state", () => this.#tellConnection());
    // A file dropped beside a target must not replace the page.
    for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
    signedIn(this.connection).then(() => {
      addEventListener("hashchange", () => this.#route(true));
      addEventListener("keydown", (event) => this.#key(event));
      this.#route(false);
      this.connection.open().catch(() => {});
    });
  }

  /** @param {boolean} focus */
  #route(focus) {
    const [wanted, argument] = location.hash.slice(1).split("/");
    if (wanted === "main") return;
    const name = wanted in this.#views ? wanted : "identify";
    this.#view?.leave();
    this.#view = this.#views[name];
    for (const view of Object.keys(this.#views)) $(`#${view}`).hidden = view !== name;
    for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".tabs a"))) {
      if (link.dataset.view === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${{ identify: "Identify", enroll: "Enroll", people: "People", health: "Health" }[name]} · voiceprint`;
    this.#view.enter(argument);
    this.refreshHealth();
    scrollTo(0, 0);
    if (focus) $(`#${name}-title`).focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (
      event.defaultPrevented ||
      event.ctrlKey ||
      event.altKey ||
      event.metaKey ||
      find(HTMLDialogElement, "#confirm").open
    )
      return;
    if (event.key === "Escape" && this.#view?.busy) this.#view.cancel();
    const writes =
      event.target instanceof Element && event.target.closest("input, select, textarea, button, a, label, summary");
    if (event.key !== " " || writes || event.repeat) return;
    event.preventDefault();
    this.#view?.toggle();
  }

  #tellConnection() {
    const { state, retrySeconds } = this.connection;
    const banner = $("#banner");
    if (state === "waiting") {
      this.#wasLost = true;
      banner.dataset.kind = "lost";
      banner.textContent = `The connection to the server is lost. I try again in ${Math.ceil(retrySeconds)} s.`;
      banner.hidden = false;
    } else if (state === "ready" && this.#wasLost) {
      this.#wasLost = false;
      banner.dataset.kind = "back";
      banner.textContent = "Connected again.";
      setTimeout(() => (banner.hidden = banner.dataset.kind === "back"), 4000);
      this.refreshHealth();
      this.#view?.reload?.();
    }
  }

  async refreshHealth() {
    try {
      const health = await rest.ready();
      this.threshold = health.threshold;
      $("#identify-first").hidden = health.speakers !== 0;
      $("#identify-lede").hidden = health.speakers === 0;
      showFooter($("#about"), health);
    } catch {
      $("#about").replaceChildren(h("span", { className: "warn" }, "The server does not answer"));
    }
  }
}

new App().start();
