import { BatchBar, whatDoesNotFit } from "./batch-bar.js";
import { Chosen } from "./picker/chosen.js";
import { ChosenList } from "./picker/chosen-list.js";
import { DropArea } from "./picker/drop-area.js";
import { Launch } from "./picker/launch.js";
import { LeftOuts } from "./picker/left-outs.js";
import { ProgressAnnouncer } from "./progress-announcer.js";
import { Picker } from "./picker/picker.js";
import { ProgressCard } from "./progress-card.js";
import { updateQuestion, askToCancel } from "./cancel-question.js";
import { byId } from "./page-data.js";
import { everyFrame } from "./picker/frame.js";
import { formatBytes, plural } from "./format.js";
import { pickByHandle } from "./file-picker.js";
import { everyTick } from "./tick.js";

/**
 * @typedef {import("./picker/chosen.js").Item} Item
 * @typedef {{
 *   engine: import("../engine/engine.js").Engine,
 *   inquiry: Pick<import("../engine/inquiry.js").Inquiry, "reason" | "on">,
 *   transfers: import("./transfers.js").Transfers,
 *   thumbnails: import("./thumbnails.js").Thumbnails,
 *   quota: import("./quota-meter.js").QuotaMeter,
 *   notices: import("./notices.js").Notices,
 *   announcer: import("./announcer.js").Announcer,
 *   policy: () => import("./policy.js").Policy,
 *   note: string,
 *   admission: Omit<import("./picker/admission.js").Parts, "chosen" | "transfers">,
 *   onFailuresShown: (ids: Set<string>) => void,
 * }} Parts `onFailuresShown` gets the upload ids of the failed files in the progress card
 */

const RENDER_MS = 200;
const MANY = 100; // with more files, a single file hardly moves the progress bar

/** The top of the page. It shows the drop area, or the chosen files, or the progress card. */
export class UploadArea {
  #parts;
  #place = byId("chooser");
  #chosen = new Chosen();
  #picker;
  #drop;
  #list;
  #bar;
  #card;
  #launch;
  #leftOuts;
  #progressAnnouncer;
  /** True while the progress card is shown, from the start of an upload until the person closes the card. */
  #isFolded = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #renderSoon = everyFrame(() => this.#render());
  #renderAtTick = everyTick(() => this.#render());

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const { engine, inquiry, transfers, thumbnails, notices, announcer } = parts;
    this.#launch = new Launch(transfers);
    this.#leftOuts = new LeftOuts(notices, (items) => this.#accept(items));
    this.#progressAnnouncer = new ProgressAnnouncer((sentence) => announcer.announce(sentence));
    this.#picker = new Picker({ ...parts.admission, chosen: this.#chosen, transfers });
    this.#drop = new DropArea(this.#place, parts.note, {
      take: (files) => void this.#picker.takeFiles(files),
      onEmptyFolder: () => void this.#picker.takeEmptyFolder(),
    });
    this.#list = new ChosenList(this.#drop.filled, {
      chosen: this.#chosen,
      thumbnails,
      buttons: this.#drop.buttons("Add files", "Add a folder", "button button--quiet"),
      onEmpty: () => this.#focusSoon(),
    });
    this.#bar = new BatchBar(byId("batch"), { onStart: () => this.#start(), onClear: () => this.#clear() });
    this.#card = new ProgressCard(byId("progress"), {
      onPause: () => this.#launch.pause(),
      onResume: () => this.#launch.resume(),
      onCancel: () => void this.#askToCancel(() => this.#cancel()),
      onAdd: () => this.#drop.chooseFiles(),
      onDone: () => void this.#askToCancel(() => this.#unfold()),
      onRemove: (transfer) => void askToCancel(() => [transfer], () => this.#remove(transfer)),
    }, thumbnails);
    pickByHandle(this.#place, {
      take: (files, unreadable) => void this.#picker.takeFiles(files, unreadable),
      // Use showOpenFilePicker only if all types are allowed. Its files lack a type more often than the files of an input,
      // and a policy that restricts types can refuse a file without a type.
      isWanted: () => parts.policy().allowed_content_types.includes("*/*"),
    });
    this.#picker.on("reading", (files) => this.#drop.showReading(files));
    this.#picker.on("admitted", (admitted) => this.#onAdmitted(admitted));
    this.#chosen.on("change", this.#renderSoon);
    engine.on("totals", () => this.render());
    engine.on("settled", () => this.render());
    engine.on("active", (active) => this.#announce(active));
    inquiry.on("change", (reason) => (this.render(), reason && announcer.announce(reason)));
    this.render();
  }

  /** @param {import("./picker/walk.js").Root[]} roots dropped or pasted items */
  takeRoots(roots) {
    void this.#picker.takeRoots(roots);
  }

  /** @param {import("./picker/admission.js").Admitted} admitted */
  #onAdmitted(admitted) {
    this.#accept(admitted.accepted);
    this.#leftOuts.tell(admitted);
    if (admitted.continued > 0) this.fold();
  }

  /** @param {Item[]} items files for the list; if uploads are in progress, these files start at once */
  #accept(items) {
    if (items.length === 0) return;
    const { engine, transfers, announcer } = this.#parts;
    const { active, paused, failed } = engine.totals;
    if (this.#isFolded && !active && paused === 0 && failed === 0 && !this.#launch.isRunning) this.#unfold();
    if (!this.#isFolded) transfers.clearDone();
    const hadFocus = this.#place.contains(document.activeElement);
    this.#chosen.add(items);
    if (this.#isFolded) return this.#join();
    announcer.announce(`${plural(this.#chosen.items.length, "file")} chosen.`);
    this.#render();
    // The button that had the focus may be hidden now.
    if (hadFocus && document.activeElement?.getClientRects().length === 0) this.#list.focus();
  }

  /** Show the progress card, because an upload is in progress. Start the uploads of the chosen files too. */
  fold() {
    this.#isFolded = true;
    this.#join();
    this.render();
  }

  /** Render after a short delay. Several calls during the delay cause one rendering. */
  render() {
    if (this.#parts.transfers.list().length > MANY) this.#renderAtTick();
    else this.#timer ??= setTimeout(() => this.#render(), RENDER_MS);
  }

  #render() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { engine, inquiry, transfers, quota } = this.#parts;
    const totals = { ...engine.totals, reason: engine.active ? inquiry.reason : "" };
    const batch = this.#batch();
    // This call may close a dialog, which moves the focus to a button. The code below may hide this button, so read
    // `hasFocus` between the two.
    updateQuestion();
    const hadFocus = this.#card.hasFocus;
    if (this.#isFolded && transfers.list().length === 0 && !engine.active && !this.#launch.isRunning) this.#isFolded = false;
    const isChoosing = !this.#isFolded && batch.fileCount > 0;
    this.#place.hidden = this.#isFolded;
    this.#drop.show(isChoosing);
    // Draw the list before the button below it. Otherwise the list would grow later and move the button during a click.
    if (isChoosing) this.#list.render();
    this.#bar.show(isChoosing ? batch : null);
    quota.showBatch(this.#isFolded ? 0 : batch.bytes);
    this.#card.show(this.#isFolded);
    if (this.#isFolded) this.#card.render(totals, transfers.list(), this.#launch.waiting);
    else if (hadFocus) this.#focus();
    if (this.#isFolded) this.#progressAnnouncer.update(totals);
    this.#parts.onFailuresShown(this.#isFolded ? this.#card.failed : new Set());
  }

  /** @returns {import("./batch-bar.js").Batch} the sum of the chosen files, and the free quota */
  #batch() {
    const { quota } = this.#parts;
    const { items, bytes } = this.#chosen;
    return { fileCount: items.length, bytes, freeBytes: quota.freeBytes, freeFiles: quota.freeFiles };
  }

  /** Start the uploads of the chosen files at once. If the quota is too small, leave all of these files out. */
  #join() {
    const batch = this.#batch();
    if (batch.fileCount === 0) return;
    const problem = whatDoesNotFit(batch);
    if (!problem) return this.#start();
    this.#leftOuts.tellTooMuch(this.#chosen.takeAll(), problem, formatBytes(batch.bytes));
    this.render();
  }

  #start() {
    const { announcer } = this.#parts;
    const items = this.#chosen.takeAll();
    const hadFocus = byId("batch").contains(document.activeElement);
    if (!this.#isFolded) this.#leftOuts.forget();
    this.#isFolded = true;
    announcer.announce(`Upload of ${plural(items.length, "file")} has started.`);
    void this.#launch.send(items).then(() => this.render());
    this.#render();
    if (hadFocus) this.#card.focus();
  }

  #clear() {
    this.#release(this.#chosen.takeAll());
    this.#leftOuts.forget();
    this.#focusSoon();
  }

  /** @param {import("./transfers.js").Transfer} transfer */
  #remove(transfer) {
    transfer.remove();
    this.#release([transfer]);
    this.render();
  }

  /** @param {() => void} act cancels all uploads */
  async #askToCancel(act) {
    if (await askToCancel(() => this.#parts.transfers.list(), act)) this.#focus();
  }

  /** Move the focus to this area, because the pressed button disappears with the progress card. */
  #focus() {
    byId("upload").focus({ preventScroll: true });
  }

  /** Show the drop area and move the focus to it, because the pressed button disappears with the list. */
  #focusSoon() {
    this.#render();
    this.#drop.focus();
  }

  #cancel() {
    this.#unfold();
    this.#parts.announcer.announce("Upload cancelled.");
  }

  #unfold() {
    const { transfers } = this.#parts;
    this.#launch.end();
    this.#release(transfers.list());
    transfers.cancelAll();
    this.#isFolded = false;
    this.#leftOuts.forget();
    this.#render();
  }

  /** @param {{file: Blob}[]} gone */
  #release(gone) {
    this.#parts.thumbnails.release(gone.map(({ file }) => file));
  }

  /** @param {boolean} active */
  #announce(active) {
    this.render();
    if (!active) this.#renderSoon(); // show the result without the delay of `render`
    this.#progressAnnouncer.reset();
    const { done, failed, paused } = this.#parts.engine.totals;
    if (active || paused > 0 || done + failed === 0 || this.#launch.isRunning) return;
    const arrived = `${plural(done, "file")} uploaded.`;
    this.#parts.announcer.announce(failed > 0 ? `${arrived} ${plural(failed, "file")} not stored.` : arrived);
  }
}
