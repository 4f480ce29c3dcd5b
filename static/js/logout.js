/** A logout, in this tab or in another one: neither files nor names stay behind. Every page of a person's, the admin too. */

import { KeptStore } from "./page/kept-store.js";
import { onLogout, tellLogout } from "./page/logout-channel.js";
import { serviceOf, within } from "./engine/time-limit.js";

const PATIENCE_MS = 1_000;

const tab = (document.body.dataset.tab = String(Math.random()));

// Not where uploads may be under way: session.js sees to that page.
if (document.getElementById("out")) {
  onLogout(() => {
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    document.body.classList.add("is-out");
    document.title = "Slipway"; // it may be a file's name
  });
}

document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches("[data-forgets], #logout-form")) return; // the latter is the admin's
  event.preventDefault();
  tellLogout(tab);
  const store = new KeptStore(serviceOf(() => indexedDB));
  await within(PATIENCE_MS, () => store.clear()).catch(() => {});
  form.submit();
});
