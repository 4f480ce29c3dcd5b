/** A logout, in this tab or in another one: neither files nor names stay behind. Every page of a person's, the admin too. */

import { KeptStore, LOGOUT } from "./page/kept-store.js";

const logouts = new BroadcastChannel(LOGOUT);
const tab = (document.body.dataset.tab = String(Math.random()));

// Not where uploads may be under way: session.js sees to that page.
if (document.getElementById("out")) {
  logouts.addEventListener("message", () => {
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    document.body.classList.add("is-out");
    document.title = "Slipway"; // it may be a file's name
  });
}

document.addEventListener("submit", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches("[data-forgets], #logout-form")) return; // the latter is the admin's
  event.preventDefault();
  logouts.postMessage(tab);
  const patience = new Promise((resolve) => setTimeout(resolve, 1000));
  await Promise.race([new KeptStore(indexedDB).clear().catch(() => {}), patience]);
  form.submit();
});
