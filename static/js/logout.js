/**
 * Runs on every page, also in the admin. At a logout, it deletes the files that the browser keeps for this site.
 * Every open tab then hides its page, so that no file names stay on the screen.
 */

import { KeptStore } from "./page/kept-store.js";
import { onLogout, tellLogout } from "./page/logout-channel.js";
import { serviceOf, within } from "./engine/time-limit.js";

const PATIENCE_MS = 1_000;

const tab = (document.body.dataset.tab = String(Math.random()));

// #out is a text that is shown after a logout in another tab. The upload page has none, because session.js shows a dialog.
if (document.getElementById("out")) {
  onLogout(() => {
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    document.body.classList.add("is-out");
    document.title = "Slipway"; // the old title may be a file name
  });
}

document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches("[data-forgets], #logout-form")) return; // #logout-form is the admin's form
  event.preventDefault();
  tellLogout(tab);
  const store = new KeptStore(serviceOf(() => indexedDB));
  await within(PATIENCE_MS, () => store.clear()).catch(() => {});
  form.submit();
});
