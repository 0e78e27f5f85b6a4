// The fourth view: which encoder listens, what its threshold promises and costs, and what was decided since the start.

import { $, count, h, score } from "./dom.js";
import { costPlot, percent, separationPlot } from "./plots.js";
import { rest } from "./protocol.js";
import { refusalText } from "./refusals.js";

/** @type {Record<string, string>} */
const NAMES = {
  identified: "Named",
  unknown: "Not known",
  ambiguous: "Too close to tell apart",
  not_enough_speech: "Too little speech",
  accepted: "Claims accepted",
  rejected: "Claims rejected",
  not_enrolled: "Claims of nobody",
};

export class HealthView {
  busy = false;

  leave() {}
  toggle() {}
  cancel() {}

  enter() {
    return this.reload();
  }

  async reload() {
    const problem = $("#health-problem");
    try {
      const [ready, health] = await Promise.all([rest.ready(), rest.health()]);
      problem.hidden = true;
      this.#facts(ready, health);
      this.#decisions(health);
      this.#plots(ready, health);
    } catch (error) {
      for (const part of ["facts", "decisions", "plots"]) $(`#health-${part}`).hidden = true;
      problem.textContent = refusalText(error);
      problem.hidden = false;
    }
  }

  /** @param {Page.Standing} ready @param {Wire.Health} health */
  #facts(ready, health) {
    const damaged = ready.damaged.length;
    $("#health-lede").textContent = damaged
      ? `${count(damaged, "record")} cannot be opened and takes no part.`
      : "Everything runs on this server, and nothing leaves it.";
    const missed = ready.expected_fnir;
    const rows = [
      ["Encoder", ready.encoder],
      ["Its accuracy", health.accuracy],
      ["Enrolled", count(ready.speakers, "person", "people")],
      ["Promise", ready.target_fpir ? `at most ${percent(ready.target_fpir)} of strangers get a name` : ""],
      ["Threshold", `${score(ready.threshold)} for a typical voice`],
      [
        "What it costs",
        missed
          ? `about ${percent(missed.value)} of enrolled people get no name (${percent(missed.low)} to ${percent(missed.high)})`
          : "",
      ],
      ["Needs attention", sentence(ready.threshold_note), "warn"],
      ["Advice", health.advice],
      ["Version", `${ready.version}, SHA-256 of the encoder ${ready.encoder_sha256.slice(0, 16)}…`],
    ];
    const shown = rows.filter(([, words]) => words);
    $("#health-facts").replaceChildren(
      h(
        "dl",
        { className: "facts" },
        ...shown.flatMap(([term, words, kind = ""]) => [h("dt", {}, term), h("dd", { className: kind }, words)]),
      ),
    );
    $("#health-facts").hidden = false;
  }

  /** @param {Wire.Health} health */
  #decisions({ decisions, started_at: started }) {
    $("#health-decisions").hidden = !decisions;
    if (!decisions) return;
    const all = Object.values(decisions).reduce((sum, number) => sum + number, 0);
    const rows = Object.keys(NAMES).filter((status) => decisions[status]);
    $("#health-decisions .tally").replaceChildren(
      ...rows.map((status) =>
        h(
          "li",
          {},
          h("span", {}, NAMES[status]),
          h("span", { className: "candidate-score" }, `${decisions[status]}`),
          h("span", { className: "bar", ariaHidden: "true", vars: { share: `${(100 * decisions[status]) / all}%` } }),
        ),
      ),
    );
    $("#health-decisions .plot-words").textContent =
      `${all ? count(all, "decision") : "None yet"} since ${new Date(started).toLocaleString()}. Only these numbers are counted, without names.`;
  }

  /** @param {Page.Standing} ready @param {Wire.Health} health */
  #plots(ready, { evidence, speakers }) {
    $("#health-plots").hidden = !evidence;
    if (!evidence) return;
    const people = count(Math.max(1, speakers), "person", "people");
    const figures = [
      [
        "How far the right voice and other voices lie apart",
        separationPlot(
          evidence.separation,
          `Other voices on the left, the right voice on the right, the threshold between them, for ${people}`,
        ),
        `Measured when the encoder was calibrated (${evidence.created}), with ${count(evidence.people, "other person", "other people")}, not with those enrolled here: ${evidence.target_trials.toLocaleString()} comparisons with the right voice, ${evidence.nontarget_trials.toLocaleString()} with another.`,
      ],
      [
        "Expected misses, at each promise",
        costPlot(evidence.cost, {
          here: ready.target_fpir ?? 0,
          ticks: [0.001, 0.01, 0.1],
          name: percent,
          label: `People missed, against strangers named, for ${people}`,
        }),
        "Across: the share of strangers who get a name. The dot is where this server stands; the band is the 95 % interval.",
      ],
      [
        "Expected misses, as more enroll",
        costPlot(evidence.growth, {
          here: Math.max(1, speakers),
          ticks: [1, 10, 100, 1000, 10000],
          name: String,
          label: "People missed, against the number of people enrolled",
        }),
        "Across: how many are enrolled. With more people the threshold rises, so that the promise holds.",
      ],
    ];
    $("#health-plots").replaceChildren(
      ...figures.map(([title, plot, words]) =>
        h("figure", {}, h("figcaption", {}, title), plot, h("p", { className: "plot-words" }, words)),
      ),
    );
  }
}

/** @param {string | undefined} note */
const sentence = (note) => (note ? `${note[0].toLocaleUpperCase()}${note.slice(1)}.` : "");
