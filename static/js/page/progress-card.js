import { ProgressRow } from "./progress-row.js";
import { element, setText } from "./dom.js";
import { formatBytes, formatBytesOf, formatNumber, formatSpeed, formatTimeLeft, plural } from "./format.js";
import { icon } from "./icon.js";

/**
 * @typedef {import("../engine/engine.js").Totals & {reason: string}} Totals `reason`: why the browser
 *   cannot send to the bucket, if the cause is proved; otherwise ""
 * @typedef {import("./transfers.js").Transfer} Transfer
 * @typedef {{onPause: () => void, onResume: () => void, onCancel: () => void, onAdd: () => void, onDone: () => void, onRemove: (transfer: Transfer) => void}} Actions
 */

const MAX_MOVING = 4;
const MAX_FAILED = 50;
const MANY = 20; // with more files than this, the card has no animations

/** Shows the progress of all uploads in one line. Below, it has rows for failed files and for files in progress. */
export class ProgressCard {
  #place;
  #title = element("h2", { class: "progress__title", tabindex: "-1" });
  #summary = element("p", { class: "progress__summary" });
  #reason = element("p", { class: "progress__reason" });
  #fill = element("span", { class: "bar__fill" });
  #bar = element("div", { class: "bar bar--all", role: "progressbar", "aria-label": "Upload" }, this.#fill);
  #rows = element("ul", { class: "progress__rows" });
  #waiting = element("p", { class: "progress__waiting soft" });
  /** @type {Map<string, ProgressRow>} */
  #known = new Map();
  #buttons;
  #actions;
  #thumbnails;
  /** @type {Set<string>} the upload ids of the failed files in the card */
  failed = new Set();

  /**
   * @param {HTMLElement} place
   * @param {Actions} actions
   * @param {import("./thumbnails.js").Thumbnails} thumbnails
   */
  constructor(place, actions, thumbnails) {
    this.#place = place;
    this.#thumbnails = thumbnails;
    this.#actions = actions;
    this.#buttons = {
      add: button("Add files", "plus", actions.onAdd),
      pause: button("Pause", "pause", actions.onPause, "button--pause"),
      resume: button("Continue", "play", actions.onResume, "button--resume"),
      cancel: button("Cancel", "x", actions.onCancel),
      done: element("button", { class: "button button--primary", type: "button", onclick: actions.onDone }, "Upload more"),
    };
    place.append(
      element(
        "div",
        { class: "progress__head" },
        element("div", { class: "progress__words" }, this.#title, this.#summary),
        element("div", { class: "progress__buttons" }, ...Object.values(this.#buttons)),
      ),
      this.#reason,
      this.#bar,
      this.#rows,
      this.#waiting,
    );
  }

  /**
   * @param {boolean} isShown
   */
  show(isShown) {
    this.#place.hidden = !isShown;
  }

  get hasFocus() {
    return this.#place.contains(document.activeElement);
  }

  /** Move the focus to the title. A focused button would react to the Enter key that the person is still pressing. */
  focus() {
    this.#title.focus({ preventScroll: true });
  }

  /**
   * @param {Totals} engineTotals
   * @param {Transfer[]} transfers
   * @param {{files: number, bytes: number}} waiting files that the engine has not received yet
   */
  render(engineTotals, transfers, waiting) {
    const { files, bytes } = engineTotals;
    const totals = { ...engineTotals, files: files + waiting.files, bytes: bytes + waiting.bytes };
    const isOver = !totals.active && totals.paused === 0 && waiting.files === 0;
    const focused = this.hasFocus ? /** @type {HTMLElement} */ (document.activeElement) : null;
    const row = [...this.#rows.children].findIndex((child) => child.contains(focused));
    setText(this.#title, title(totals, isOver));
    setText(this.#summary, isOver ? ending(totals) : summary(totals));
    this.#place.classList.toggle("progress--done", isOver && totals.failed === 0);
    setText(this.#reason, totals.reason);
    this.#reason.hidden = !totals.reason;
    this.#place.classList.toggle("progress--many", totals.files > MANY);
    this.#place.classList.toggle("progress--trouble", isInTrouble(totals));
    this.#renderBar(totals, isOver);
    this.#renderRows(transfers, waiting.files);
    const { add, pause, resume, cancel, done } = this.#buttons;
    pause.hidden = !totals.active || isChecking(totals);
    resume.hidden = totals.active || totals.paused === 0;
    add.hidden = cancel.hidden = isOver;
    done.hidden = !isOver;
    if (focused) this.#keepFocus(focused, row);
  }

  /**
   * Return the focus to its element. If the element has disappeared, move the focus to the nearest button.
   *
   * @param {HTMLElement} focused the element that had the focus
   * @param {number} row the index of the row that contains this element, or -1
   */
  #keepFocus(focused, row) {
    if (focused.getClientRects().length > 0) return focused.focus({ preventScroll: true });
    const neighbour = row < 0 ? null : (this.#rows.children[row] ?? this.#rows.lastElementChild);
    const remove = /** @type {HTMLElement | null | undefined} */ (neighbour?.querySelector(".icon-button"));
    const { done, resume, pause, cancel } = this.#buttons;
    const next = remove ?? [done, resume, pause, cancel].find(({ hidden }) => !hidden);
    next?.focus({ preventScroll: true });
  }

  /**
   * @param {Totals} totals
   * @param {boolean} isOver
   */
  #renderBar({ files, done, bytes, bytesSent }, isOver) {
    const share = bytes > 0 ? bytesSent / bytes : done / Math.max(1, files);
    const shown = isOver ? share : Math.min(share, 0.99);
    this.#fill.style.transform = `scaleX(${shown})`;
    const percent = String(Math.floor(shown * 100));
    if (this.#bar.getAttribute("aria-valuenow") !== percent) this.#bar.setAttribute("aria-valuenow", percent);
    this.#bar.hidden = isOver;
  }

  /**
   * @param {Transfer[]} transfers
   * @param {number} waiting
   */
  #renderRows(transfers, waiting) {
    const failed = transfers.filter(({ state }) => state === "failed").slice(0, MAX_FAILED);
    const moving = transfers.filter(({ state }) => state === "sending" || state === "checking" || state === "paused");
    this.failed = new Set(failed.map(({ serverId }) => serverId));
    const shown = [...failed, ...inStableOrder(moving, this.#known)];
    const rows = shown.map((transfer) => this.#rowOf(transfer));
    for (const id of this.#known.keys()) {
      if (!shown.some((transfer) => transfer.id === id)) this.#known.delete(id);
    }
    const nodes = rows.map(({ node }) => node);
    if (nodes.some((node, index) => this.#rows.children[index] !== node) || this.#rows.children.length !== nodes.length) {
      this.#rows.replaceChildren(...nodes);
    }
    const queued = transfers.filter(({ state }) => state === "queued").length;
    const hidden = waiting + queued + Math.max(0, moving.length - MAX_MOVING);
    this.#rows.hidden = rows.length === 0;
    setText(this.#waiting, hidden > 0 ? `and ${formatNumber(hidden)} more` : "");
    this.#waiting.hidden = hidden === 0;
  }

  /** @param {Transfer} transfer */
  #rowOf(transfer) {
    const row = this.#known.get(transfer.id) ?? new ProgressRow(transfer, this.#actions, this.#thumbnails);
    this.#known.set(transfer.id, row);
    row.update(transfer);
    return row;
  }
}

/**
 * Return the files in progress that get a row, at most MAX_MOVING. Files that already have a row come first, so that
 * rows keep their places.
 *
 * @param {Transfer[]} moving
 * @param {Map<string, unknown>} known
 */
function inStableOrder(moving, known) {
  const kept = moving.filter(({ id }) => known.has(id));
  const fresh = moving.filter(({ id }) => !known.has(id));
  return [...kept, ...fresh].slice(0, MAX_MOVING);
}

/**
 * @param {string} label
 * @param {import("./icon.js").IconName} name
 * @param {() => void} onclick
 * @param {string} [kind] an additional class
 */
function button(label, name, onclick, kind = "") {
  return element("button", { class: `button button--quiet ${kind}`.trim(), type: "button", onclick }, icon(name), label);
}

/** @param {Totals} totals */
const isInTrouble = ({ offline, stalled, reason }) => offline || stalled || reason !== "";

/** @param {Totals} totals */
const isChecking = ({ bytesSent, bytes, active }) => active && bytes > 0 && bytesSent >= bytes * 0.99;

/**
 * @param {Totals} totals
 * @param {boolean} isOver
 */
function title(totals, isOver) {
  const { files, done, failed } = totals;
  if (isOver && failed > 0) return `${plural(failed, "file")} not stored`;
  if (isOver) return `${plural(done, "file")} uploaded`;
  if (totals.reason) return "The upload cannot continue";
  if (totals.offline) return "No network";
  if (!totals.active) return "Paused";
  if (totals.stalled) return "Waiting for the network";
  return `Uploading ${plural(files, "file")}`;
}

/** @param {Totals} totals */
function ending({ done, failed, bytes }) {
  if (failed === 0) return `${formatBytes(bytes)}, checked and stored.`;
  return done > 0 ? `${plural(done, "file")} uploaded. See below for the rest.` : "See below what to do.";
}

/** @param {Totals} totals */
function summary(totals) {
  const { files, done, bytes, bytesSent, bytesPerSecond, secondsLeft } = totals;
  const counts = [`${formatNumber(done)} of ${plural(files, "file")}`, formatBytesOf(bytesSent, bytes)];
  if (totals.reason) return counts.join(" · ");
  if (totals.offline || totals.stalled) return [...counts, "continues automatically"].join(" · ");
  if (!totals.active) return counts.join(" · ");
  if (secondsLeft === 0) return [...counts, "checking"].join(" · ");
  const speed = bytesPerSecond > 0 ? [formatSpeed(bytesPerSecond)] : [];
  const time = secondsLeft === null ? [] : [formatTimeLeft(secondsLeft)];
  return [...counts, ...speed, ...time].join(" · ");
}
