import { FINAL_CODES } from "./final-codes.js";
import { confirm, reword, withdraw } from "./dialogs.js";
import { formatBytesOf, plural } from "./format.js";

/** @typedef {import("./transfers.js").Transfer} Transfer */

/** @type {(() => Transfer[]) | null} the files of the open question */
let asked = null;

/**
 * Cancel files by `act`, but ask first if bytes that were sent would be lost.
 *
 * The uploads go on while the question is open. Files that have arrived by the time of the answer stay.
 *
 * @param {() => Transfer[]} transfers returns the files in their present state
 * @param {() => void} act cancels them
 * @returns {Promise<boolean>} whether they were cancelled
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

/** Update the open question with the bytes that would be lost now, or close it if none would be lost. */
export function updateQuestion() {
  if (!asked) return;
  const words = question(asked());
  if (words) reword(words);
  else withdraw();
}

/**
 * @param {Transfer[]} transfers
 * @returns {import("./dialogs.js").Words | null} null if no bytes would be lost
 */
export function question(transfers) {
  const unfinished = transfers.filter(isUnfinished);
  const sent = unfinished.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  const whole = unfinished.reduce((sum, { byteSize }) => sum + byteSize, 0);
  if (sent === 0) return null;
  const stays = transfers.some(({ state }) => state === "done") ? "; files that have arrived stay" : "";
  const text = `What has been sent so far (${formatBytesOf(sent, whole)}) is removed${stays}.`;
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
