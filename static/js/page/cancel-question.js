import { FINAL_CODES } from "./final-codes.js";
import { confirm, reword, withdraw } from "./dialogs.js";
import { formatBytesOf, plural } from "./format.js";

/** @typedef {import("./transfers.js").Transfer} Transfer */

/** @type {(() => Transfer[]) | null} returns the files of the open question */
let asked = null;

/**
 * Call `act`, which cancels files. If bytes of these files are already sent, ask the person first.
 *
 * The uploads continue while the question is open. A file that arrives before the person answers is kept.
 *
 * @param {() => Transfer[]} transfers returns the files with their current state
 * @param {() => void} act cancels the files
 * @returns {Promise<boolean>} whether `act` was called
 */
export async function askToCancel(transfers, act) {
  const words = question(transfers());
  if (words) {
    asked = transfers;
    return confirm(words, async () => act()).finally(() => (asked = null));
  }
  act();
  return true;
}

/** Update the number of bytes in the open question. Close the question if cancelling would lose no bytes. */
export function updateQuestion() {
  if (!asked) return;
  const words = question(asked());
  if (words) reword(words);
  else withdraw();
}

/**
 * @param {Transfer[]} transfers
 * @returns {import("./dialogs.js").Words | null} the texts of the question, or null if cancelling would lose no bytes
 */
export function question(transfers) {
  const unfinished = transfers.filter(isUnfinished);
  const sent = unfinished.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  const whole = unfinished.reduce((sum, { byteSize }) => sum + byteSize, 0);
  if (sent === 0) return null;
  const stays = transfers.some(({ state }) => state === "done") ? " Files that have arrived are kept." : "";
  const text = `The bytes sent so far (${formatBytesOf(sent, whole)}) will be deleted.${stays}`;
  if (unfinished.length === 1) {
    return { title: "Cancel this upload?", name: unfinished[0].name, text, yes: "Cancel upload" };
  }
  return {
    title: "Cancel these uploads?",
    name: plural(unfinished.length, "file"),
    text,
    yes: "Cancel uploads",
  };
}

/**
 * @param {Transfer} transfer
 * @returns {boolean} whether the file may still arrive, for example after a retry
 */
function isUnfinished({ state, code }) {
  if (state === "failed") return !FINAL_CODES.has(code);
  return state !== "done" && state !== "cancelled";
}
