import { FINAL_CODES } from "./final-codes.js";
import { confirm } from "./dialogs.js";
import { formatBytesOf, plural } from "./format.js";

/** @typedef {import("./travellers.js").Traveller} Traveller */

/**
 * Give files up by `act`, but ask first where bytes would be lost that somebody has waited for.
 *
 * They travel on while the question stands: what has arrived by the time of the answer stays.
 *
 * @param {Traveller[]} travellers
 * @param {() => void} act
 * @returns {Promise<boolean>} whether they were given up
 */
export async function giveUp(travellers, act) {
  const words = question(travellers);
  if (words) return confirm(words, async () => act());
  act();
  return true;
}

/**
 * @param {Traveller[]} travellers
 * @returns {{title: string, name: string, text: string, yes: string} | null} nothing where nothing is lost
 */
export function question(travellers) {
  const unfinished = travellers.filter(isUnfinished);
  const sent = unfinished.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  const whole = unfinished.reduce((sum, { byteSize }) => sum + byteSize, 0);
  if (sent === 0) return null;
  const lost = `What has been sent so far (${formatBytesOf(sent, whole)}) is removed`;
  if (unfinished.length === 1) {
    return { title: "Cancel this upload?", name: unfinished[0].name, text: `${lost}.`, yes: "Cancel upload" };
  }
  return {
    title: "Cancel these uploads?",
    name: plural(unfinished.length, "file"),
    text: travellers.length > unfinished.length ? `${lost}; files that have arrived stay.` : `${lost}.`,
    yes: "Cancel uploads",
  };
}

/**
 * @param {Traveller} traveller
 * @returns {boolean} whether it may still arrive, be it at another try
 */
function isUnfinished({ state, code }) {
  if (state === "failed") return !FINAL_CODES.has(code);
  return state !== "done" && state !== "cancelled";
}
