import { BatchBar } from "./batch-bar.js";
import { ProgressCard } from "./progress-card.js";
import { addFiles } from "./chooser.js";
import { byId } from "./page-data.js";
import { element } from "./dom.js";
import { askAgain, giveUp } from "./giving-up.js";
import { pickByHandle } from "./file-picker.js";
import { plural } from "./format.js";
import { whatDoesNotFit } from "./batch-bar.js";

/**
 * @typedef {{
 *   uppy: import("./chooser.js").AnyUppy,
 *   engine: import("../engine/engine.js").Engine,
 *   travellers: import("./travellers.js").Travellers,
 *   quota: import("./quota-meter.js").QuotaMeter,
 *   notices: import("./notices.js").Notices,
 *   speaker: import("./speaker.js").Speaker,
 *   policy: () => import("./policy.js").Policy,
 *   onFailuresShown: (ids: Set<string>) => void,
 * }} Parts `onFailuresShown` hears the server's ids of the files whose failure is told here
 */

const RENDER_MS = 200;
const FEW = 5; // what one row of the Dashboard holds

/** The top of the page: first the drop area, then the chosen files, then their progress. */
export class UploadArea {
  #parts;
  #chooser = byId("chooser");
  #bar;
  #card;
  #input;
  /** Whether the progress card is shown: from the start until the person is done with it. */
  #isFolded = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const { uppy, engine, travellers } = parts;
    this.#bar = new BatchBar(byId("batch"), { onStart: () => this.#start(), onClear: () => uppy.clear() });
    this.#card = new ProgressCard(byId("progress"), {
      onPause: () => travellers.pauseAll(),
      onResume: () => travellers.resumeAll(),
      onCancel: () => void this.#giveUp(() => this.#cancel()),
      onAdd: () => this.#input.click(),
      onDone: () => void this.#giveUp(() => this.#unfold()),
      onRemove: (traveller) => {
        const itself = () => travellers.list().filter(({ id }) => id === traveller.id);
        void giveUp(itself, () => traveller.remove());
      },
    });
    this.#input = element("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-hidden": "true" });
    this.#input.addEventListener("change", () => {
      this.take([...(this.#input.files ?? [])]);
      this.#input.value = "";
    });
    document.body.append(this.#input);
    for (const place of [this.#chooser, this.#input]) {
      pickByHandle(place, {
        take: (files) => this.take(files),
        onUnreadable: (names) => this.#tellUnreadable(names),
        // Files from the picker carry fewer types than those from an input: too few where types decide.
        isWanted: () => parts.policy().allowed_content_types.includes("*/*"),
      });
    }
    uppy.on("files-added", () => this.#onChosen());
    for (const event of /** @type {const} */ (["file-removed", "upload-error", "upload-start", "cancel-all"])) {
      uppy.on(event, () => this.render());
    }
    // An image's thumbnail is made after it was added.
    uppy.on(/** @type {any} */ ("thumbnail:generated"), () => this.render());
    engine.on("totals", () => this.render());
    engine.on("settled", () => this.render());
    engine.on("active", (active) => this.#announce(active));
    this.render();
  }

  /** @param {File[]} files from anywhere: dropped, pasted, chosen */
  take(files) {
    if (files.length === 0) return;
    const { engine, travellers } = this.#parts;
    const { active, paused, failed } = engine.totals;
    if (this.#isFolded && !active && paused === 0 && failed === 0) this.#unfold();
    if (!this.#isFolded) travellers.clearDone();
    addFiles(this.#parts.uppy, files);
  }

  /** @param {string[]} names */
  #tellUnreadable(names) {
    this.#parts.notices.show(`${plural(names.length, "file")} could not be read`, {
      tone: "warning",
      details: names,
      key: "unreadable",
    });
  }

  /** Fold the area, because something is under way; what is chosen already joins it. */
  fold() {
    if (this.#isFolded) return this.render();
    this.#isFolded = true;
    if (this.#batch().fileCount > 0) this.#onChosen();
    this.render();
  }

  /** Show the present state soon; many changes at once are shown once. */
  render() {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#render();
    }, RENDER_MS);
  }

  #render() {
    const { engine, travellers, quota } = this.#parts;
    const batch = this.#batch();
    askAgain(); // closed before the button is hidden that has the focus then
    const hadFocus = this.#card.hasFocus;
    if (this.#isFolded && travellers.list().length === 0 && !engine.active) this.#isFolded = false;
    this.#chooser.hidden = this.#isFolded;
    this.#chooser.classList.toggle("upload__chooser--filled", batch.fileCount > 0);
    this.#chooser.classList.toggle("upload__chooser--many", batch.fileCount > FEW);
    this.#bar.show(!this.#isFolded && batch.fileCount > 0 ? batch : null);
    quota.showBatch(this.#isFolded ? 0 : batch.bytes);
    this.#card.show(this.#isFolded);
    if (this.#isFolded) this.#card.render(engine.totals, travellers.list());
    else if (hadFocus) this.#focus();
    this.#parts.onFailuresShown(this.#isFolded ? this.#card.failed : new Set());
  }

  /** @returns {import("./batch-bar.js").Batch} what is chosen and not yet started */
  #batch() {
    const { uppy, quota } = this.#parts;
    const waiting = uppy.getFiles().filter(({ progress, error }) => !progress.uploadStarted && !error);
    return {
      fileCount: waiting.length,
      bytes: waiting.reduce((sum, { size }) => sum + (size ?? 0), 0),
      freeBytes: quota.freeBytes,
      freeFiles: quota.freeFiles,
    };
  }

  /** Files that join an upload under way start at once, as long as they fit. */
  #onChosen() {
    if (!this.#isFolded) return this.render();
    const { uppy, notices } = this.#parts;
    const problem = whatDoesNotFit(this.#batch());
    if (problem) {
      const waiting = uppy.getFiles().filter(({ progress, error }) => !progress.uploadStarted && !error);
      uppy.removeFiles(waiting.map(({ id }) => id));
      notices.show(problem, { tone: "warning", key: "quota" });
      return;
    }
    this.#start();
  }

  #start() {
    const { uppy, speaker, notices } = this.#parts;
    const { fileCount } = this.#batch();
    const hadFocus = byId("batch").contains(document.activeElement);
    notices.dismiss("refused");
    notices.dismiss("quota");
    this.#isFolded = true;
    speaker.say(`Upload of ${plural(fileCount, "file")} has begun.`);
    void uppy.upload();
    this.#render();
    if (hadFocus) this.#card.focus();
  }

  /** @param {() => void} act gives up all there is */
  async #giveUp(act) {
    if (await giveUp(() => this.#parts.travellers.list(), act)) this.#focus();
  }

  /** Let the keyboard go on from here: the button that was pressed is gone with the card. */
  #focus() {
    byId("upload").focus({ preventScroll: true });
  }

  #cancel() {
    this.#parts.travellers.cancelAll();
    this.#isFolded = false;
    this.#render();
    this.#parts.speaker.say("Upload cancelled.");
  }

  #unfold() {
    const { travellers, uppy } = this.#parts;
    travellers.cancelAll();
    uppy.clear();
    this.#isFolded = false;
    this.#render();
  }

  /** @param {boolean} active */
  #announce(active) {
    this.render();
    const { done, failed, paused } = this.#parts.engine.totals;
    if (active || paused > 0 || done + failed === 0) return;
    const arrived = `${plural(done, "file")} uploaded.`;
    this.#parts.speaker.say(failed > 0 ? `${arrived} ${plural(failed, "file")} not stored.` : arrived);
  }
}
