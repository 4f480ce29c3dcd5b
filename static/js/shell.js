/** Runs on every page. Every page can also be read and used without this script. */

import "./logout.js";
import { formatBytes, formatNumber, formatWhen, formatWhenInFull } from "./page/format.js";
import { drawQuotaBar } from "./page/quota-bar.js";
import { reloadWhenInspected } from "./page/file-state.js";
import { within } from "./engine/time-limit.js";

const CLIPBOARD_MS = 2_000;
const SHOWN_MS = 2_000;

for (const time of document.querySelectorAll("time[datetime]")) {
  const date = new Date(/** @type {HTMLTimeElement} */ (time).dateTime);
  time.textContent = formatWhen(date);
  /** @type {HTMLTimeElement} */ (time).title = formatWhenInFull(date);
}

for (const size of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-bytes]"))) {
  const bytes = Number(size.dataset.bytes);
  const exact = "exact" in size.dataset && bytes >= 1000 ? ` (${formatNumber(bytes)} bytes)` : "";
  size.textContent = formatBytes(bytes) + exact;
}

const quota = /** @type {HTMLElement | null} */ (document.querySelector("#quota"));
if (quota) {
  const { limit, used, reserved } = quota.dataset;
  drawQuotaBar(quota, { limit: Number(limit), used: Number(used), promised: Number(used) + Number(reserved) });
}

const inspected = /** @type {HTMLElement | null} */ (document.querySelector("[data-inspected]"));
if (inspected) void reloadWhenInspected(inspected.dataset.inspected ?? "");

for (const menu of /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details[data-closes]"))) {
  document.addEventListener("click", ({ target }) => {
    if (!menu.contains(/** @type {Node} */ (target))) menu.open = false;
  });
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}

document.addEventListener("click", (event) => {
  const { target, detail } = event;
  const button = target instanceof Element ? /** @type {HTMLButtonElement | null} */ (target.closest("button")) : null;
  if (!button) return;
  // Ignore the second click of a double click. It would send the form again and show the response to the second request.
  if (detail > 1 && button.type === "submit" && button.form?.method === "post") return event.preventDefault();
  if (!("commandForElement" in button)) obey(button);
  const { copies } = button.dataset;
  const source = copies && document.getElementById(copies);
  if (source) void copy(button, source);
});

/**
 * Open or close the dialog of a button. Only browsers that do not support the attribute `commandfor` need this.
 *
 * @param {HTMLElement} button
 */
function obey(button) {
  const dialog = document.getElementById(button.getAttribute("commandfor") ?? "");
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (button.getAttribute("command") === "close") dialog.close();
  else if (!dialog.open) dialog.showModal();
}

/** @type {WeakMap<HTMLElement, {label: string, timer?: ReturnType<typeof setTimeout>}>} */
const copied = new WeakMap();

/**
 * Copy the text of `source` to the clipboard.
 *
 * If the browser refuses, or does not respond within CLIPBOARD_MS, select the text. The person can then copy it.
 *
 * @param {HTMLElement} button
 * @param {HTMLElement} source
 */
async function copy(button, source) {
  const isDone = await within(CLIPBOARD_MS, () => navigator.clipboard.writeText(source.textContent ?? "")).then(
    () => true,
    () => false,
  );
  if (!isDone) getSelection()?.selectAllChildren(source);
  const shown = copied.get(button) ?? { label: button.getAttribute("aria-label") ?? "" };
  clearTimeout(shown.timer);
  button.setAttribute("aria-label", isDone ? "Copied" : "Selected. Press Ctrl+C or ⌘C to copy.");
  button.classList.toggle("is-done", isDone);
  shown.timer = setTimeout(() => {
    copied.delete(button);
    button.setAttribute("aria-label", shown.label);
    button.classList.remove("is-done");
  }, SHOWN_MS);
  copied.set(button, shown);
}
