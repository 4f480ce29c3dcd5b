/** What every page does with scripts, and does without: none of it is needed to read the page. */

import "./logout.js";
import { formatBytes, formatNumber, formatWhen, formatWhenInFull } from "./page/format.js";

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
  const limit = Math.max(1, Number(quota.dataset.limit));
  const used = Number(quota.dataset.used);
  for (const [selector, bytes] of /** @type {const} */ ([
    [".quota__used", used],
    [".quota__pending", used + Number(quota.dataset.reserved)],
  ])) {
    const bar = /** @type {HTMLElement} */ (quota.querySelector(selector));
    bar.style.transform = `scaleX(${Math.min(1, bytes / limit)})`;
  }
}

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
  // The second click of a double click sends no form again: its answer would be the one that is shown.
  if (detail > 1 && button.type === "submit" && button.form?.method === "post") return event.preventDefault();
  if (!("commandForElement" in button)) obey(button);
  const { copies } = button.dataset;
  if (copies) void copy(button, document.getElementById(copies)?.textContent ?? "");
});

/**
 * Open or close a dialog, where the browser does not know by itself what a button commands.
 *
 * @param {HTMLElement} button
 */
function obey(button) {
  const dialog = document.getElementById(button.getAttribute("commandfor") ?? "");
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (button.getAttribute("command") === "close") dialog.close();
  else if (!dialog.open) dialog.showModal();
}

/**
 * @param {HTMLElement} button
 * @param {string} text
 */
async function copy(button, text) {
  const label = button.getAttribute("aria-label") ?? "";
  await navigator.clipboard.writeText(text);
  button.setAttribute("aria-label", "Copied");
  button.classList.add("is-done");
  setTimeout(() => {
    button.setAttribute("aria-label", label);
    button.classList.remove("is-done");
  }, 2000);
}
