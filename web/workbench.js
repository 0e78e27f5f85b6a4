// The workbench of one recording: it fills in while it is heard; turns are played, explained, corrected and saved.

import { arrange, keyOf } from "./arrange.js";
import { $, announce, button, clock, count, find, toast } from "./dom.js";
import { nameVoice } from "./name-voice.js";
import { Player } from "./player.js";
import { RecordingJob } from "./recordings.js";
import { refusalText } from "./refusals.js";
import { asText, exportTools } from "./timeline-text.js";
import { TimelineCanvas } from "./timeline-canvas.js";
import { TurnList } from "./turn-list.js";
import { showPanel } from "./turn-panel.js";
import { showVoices } from "./voice-legend.js";
import { waveform } from "./waveform.js";

const SILENT = "The sound of a room is not kept, so it cannot be played.";

/**
 * `live`: whether it is being said now.
 * @typedef {{ name: string, job: RecordingJob, player: Player, seconds: number | null, why: string, live: boolean }} Opened
 */

export class Workbench {
  #root = $("#bench");
  #canvas = new TimelineCanvas($("#bench-scroll"), {
    seek: (at) => this.#seek(at),
    choose: (bar) => this.#choose(bar),
  });
  #list = new TurnList($("#bench-turns"), { choose: (bar) => this.#choose(bar), play: (bar) => this.#playFrom(bar) });
  #play = find(HTMLButtonElement, "#bench-play");
  #undo = find(HTMLButtonElement, "#bench-undo");
  /** @type {Opened | null} */
  #open = null;
  /** @type {Page.Arranged} */
  #data = arrange(null);
  /** @type {Page.Bar | null} */
  #chosen = null;
  #panelShown = "";
  #frame = 0;

  /** @param {() => void} closed called when the person has closed it */
  constructor(closed) {
    this.#play.addEventListener("click", () => this.toggle());
    this.#undo.addEventListener("click", () => this.#takeBack());
    $("#bench-close").addEventListener("click", () => {
      this.close();
      closed();
    });
    addEventListener("pagehide", () => this.close()); // nobody will ask after it any more
    const zooms = { "Zoom out": 0.5, "Zoom in": 2 };
    for (const [words, factor] of Object.entries(zooms))
      $("#bench-zoom").append(button(words, "small ghost", () => this.#canvas.zoomTo(this.#canvas.zoom * factor)));
    $("#bench-export").append(
      ...exportTools({
        name: () => this.name.replace(/\.[^.]*$/, ""),
        text: () => asText(this.#data.bars),
        save: (format) => /** @type {Opened} */ (this.#open).job.save(format),
      }),
    );
  }

  get isOpen() {
    return this.#open !== null;
  }

  get name() {
    return this.#open?.name ?? "";
  }

  // Resolves when all of it is heard, or it is closed or refused.
  /** @param {File} file @param {Player} player @param {number | null} seconds */
  async open(file, player, seconds) {
    const opened = this.#opened({ name: file.name, job: new RecordingJob(), player, seconds, why: "", live: false });
    waveform(file, seconds, (peaks) => {
      if (this.#open === opened) this.#canvas.wave(peaks);
      return this.#open === opened;
    }).then((why) => this.#open === opened && this.#waved(opened, why));
    await opened.job.send(file);
    if (this.#open === opened) announce(this.#words());
  }

  // What is being said in a room. Resolves as `open` does; `change` is called with the newest turn.
  /** @param {string} id @param {(bar: Page.Bar | undefined) => void} change */
  async listen(id, change) {
    const job = new RecordingJob();
    const player = new Player(new Blob());
    const opened = this.#opened({ name: "Room", job, player, seconds: null, why: SILENT, live: true });
    job.addEventListener("change", () => change(this.#data.bars.at(-1)));
    await job.follow(id);
    if (this.#open !== opened) return;
    opened.live = false;
    this.#show();
    announce(this.#words());
  }

  /** @param {Opened} opened */
  #opened(opened) {
    this.#open = opened;
    this.#chosen = null;
    this.#root.hidden = false;
    $("#bench-title").textContent = opened.name;
    $("#bench-title").focus({ preventScroll: true });
    this.#showTime(0);
    this.#canvas.reset();
    this.#show();
    opened.job.addEventListener("change", () => this.#open === opened && this.#show());
    opened.player.addEventListener("change", () => this.#open === opened && this.#follow());
    return opened;
  }

  close() {
    this.#open?.job.close();
    this.#open?.player.close();
    this.#open = null;
    this.#root.hidden = true;
  }

  // Plays, or pauses.
  toggle() {
    this.#open?.player.toggle();
  }

  /** @param {Opened} opened @param {string} why */
  #waved(opened, why) {
    opened.why = why;
    this.#show();
  }

  // How long the recording is, as far as anybody knows.
  get #seconds() {
    const said = this.#open?.job.said;
    return said?.audio_seconds ?? this.#open?.seconds ?? Math.max(60, (said?.heard_seconds ?? 0) * 1.25);
  }

  get #heard() {
    const { job } = /** @type {Opened} */ (this.#open);
    return job.done ? this.#seconds : (job.said?.heard_seconds ?? 0);
  }

  #show() {
    const { job, player, live } = /** @type {Opened} */ (this.#open);
    const bar = find(HTMLProgressElement, "#bench-progress");
    this.#data = arrange(job.said?.timeline);
    this.#chosen = this.#again(this.#chosen);
    $("#bench-words").textContent = this.#words();
    $("#bench-words").dataset.kind = job.problem ? "refused" : "";
    $("#bench-note").textContent = this.#notes();
    this.#root.classList.toggle("live", live);
    bar.hidden = live || !job.running;
    bar.value = this.#share();
    $("#bench-close").textContent = job.running ? "Cancel" : "Close";
    $("#bench-close").hidden = live;
    $("#bench-export").hidden = !job.done;
    this.#play.disabled = !player.playable;
    this.#undo.hidden = !job.said?.changes;
    this.#canvas.show(this.#data, this.#seconds, this.#heard);
    this.#canvas.choose(this.#chosen, false);
    this.#list.show(this.#data.bars, this.#chosen, live);
    showVoices($("#bench-voices"), this.#data.voices, (voice) => this.#next(voice));
    this.#showPanel();
  }

  // The same turn in the newest timeline.
  /** @param {Page.Bar | null} chosen */
  #again(chosen) {
    return chosen && (this.#data.bars.find((bar) => bar.at === chosen.at && bar.lane === chosen.lane) ?? null);
  }

  #share() {
    const said = this.#open?.job.said;
    if (!said?.size_bytes) return 0; // of a room
    return said.audio_seconds ? said.heard_seconds / said.audio_seconds : said.received_bytes / said.size_bytes;
  }

  // What the person has to do without.
  #notes() {
    const { job, player, why } = /** @type {Opened} */ (this.#open);
    const silent = player.playable || why === SILENT ? "" : "This browser cannot play the file.";
    const alike = job.said?.timeline?.segmented === false ? "Unknown voices are not told apart on this server." : "";
    return [silent, why, alike].filter(Boolean).join(" ");
  }

  #words() {
    const { job, live } = /** @type {Opened} */ (this.#open);
    if (job.problem) return refusalText(job.problem);
    const voices = count(this.#data.voices.length, "voice");
    const sofar = this.#data.voices.length ? ` · ${voices} so far` : "";
    if (live) return `Heard ${clock(this.#heard)}${sofar}`;
    if (!job.done) return `Heard ${clock(this.#heard)} of ${clock(this.#seconds)}${sofar}`;
    const warnings = (job.said?.timeline?.warnings ?? []).map(({ message }) => message);
    return [`${voices} in ${clock(this.#seconds)}`, ...warnings].join(" · ");
  }

  /** @param {Page.Voice} voice */
  #next({ key }) {
    const own = this.#data.bars.filter((bar) => keyOf(bar.turn) === key);
    const later = own.find((bar) => bar.at > (this.#chosen?.at ?? -1));
    this.#choose(later ?? own[0]);
  }

  /** @param {Page.Bar} bar */
  #choose(bar) {
    this.#chosen = bar;
    this.#canvas.choose(bar);
    this.#list.choose(bar);
    this.#showPanel();
  }

  #showPanel() {
    const { job, player } = /** @type {Opened} */ (this.#open);
    const chosen = this.#chosen;
    const key = chosen && keyOf(chosen.turn);
    const voice = this.#data.voices.find((one) => one.key === key) ?? null;
    const can = { playable: player.playable, done: job.done };
    // What has the focus stays while nothing of it changes.
    const shown = JSON.stringify([chosen?.turn, this.#data.voices, can]);
    if (shown === this.#panelShown) return;
    this.#panelShown = shown;
    const others = this.#data.voices.filter((one) => one !== voice && one.said);
    showPanel($("#bench-panel"), chosen, voice, others, {
      ...can,
      move: (to) => chosen && this.#move(chosen, to),
      play: (bar) => this.#playFrom(bar),
      name: () => this.#name(voice),
      deny: () => this.#change(chosen?.turn.voice, { learn: false }).catch((error) => toast(refusalText(error))),
    });
  }

  /** @param {Page.Voice | null} voice */
  async #name(voice) {
    if (!voice?.said) return;
    const { voice: number, nameable } = voice.said;
    const lack = nameable ? "" : "There is too little of this voice to enroll it.";
    await nameVoice(voice.name, lack, (naming) => this.#change(number, naming));
    $("#bench-turns").focus({ preventScroll: true });
  }

  /** @param {number | undefined} voice @param {Wire.ThatWas} naming */
  async #change(voice, naming) {
    if (!voice) return;
    await this.#open?.job.name(voice, naming);
    this.#changed("Changed. Undo takes it back.");
  }

  // As the panel says where to.
  /** @param {Page.Bar} bar @param {string} to */
  async #move({ number, name }, to) {
    /** @param {Wire.MoveTurn} where */
    const move = async (where) => {
      await this.#open?.job.move(number, where);
      this.#changed("Moved. Undo takes it back.");
    };
    if (!to) return nameVoice(name, "A single turn enrolls nobody.", ({ speaker }) => move({ speaker }));
    await move(to === "0" ? {} : { voice: Number(to) }).catch((error) => toast(refusalText(error)));
  }

  async #takeBack() {
    try {
      await this.#open?.job.undo();
      this.#changed("Undone.");
    } catch (error) {
      toast(refusalText(error));
    }
  }

  // The button that was pressed may be gone.
  /** @param {string} words */
  #changed(words) {
    toast(words);
    $("#bench-turns").focus({ preventScroll: true });
  }

  // Playing

  /** @param {number} at */
  #seek(at) {
    this.#open?.player.seek(at);
    this.#canvas.at(at, true);
    this.#showTime(at);
  }

  /** @param {Page.Bar} bar */
  #playFrom(bar) {
    this.#seek(bar.at);
    this.#open?.player.play();
  }

  #follow() {
    const player = this.#open?.player;
    if (!player) return;
    this.#play.textContent = player.playing ? "Pause" : "Play";
    this.#canvas.at(player.at);
    this.#showTime(player.at);
    cancelAnimationFrame(this.#frame);
    if (player.playing) this.#frame = requestAnimationFrame(() => this.#follow());
  }

  /** @param {number} at */
  #showTime(at) {
    $("#bench-time").textContent = `${clock(at)} of ${clock(this.#seconds)}`;
  }
}
