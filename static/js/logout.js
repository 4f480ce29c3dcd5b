/** Removes all kept files and shown names at a logout in this or another tab. Runs on every page, the admin too. */

import { KeptStore } from "./page/kept-store.js";
import { onLogout, tellLogout } from "./page/logout-channel.js";
import { serviceOf, within } from "./engine/time-limit.js";

const PATIENCE_MS = 1_000;

const tab = (document.body.dataset.tab = String(Math.random()));

// The page with uploads has no #out, because session.js handles the logout there.
if (document.getElementById("out")) {
  onLogout(() => {
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    document.body.classList.add("is-out");
    document.title = "Slipway"; // the title may be a filename
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
