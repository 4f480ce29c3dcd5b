import { FINAL_CODES } from "./final-codes.js";
import { confirm, reword, withdraw } from "./dialogs.js";
import { formatBytesOf, plural } from "./format.js";

/** @typedef {import("./travellers.js").Traveller} Traveller */

/** @type {(() => Traveller[]) | null} those whom the open question is about */
let asked = null;

/**
 * Give files up by `act`, but ask first where bytes would be lost that somebody has waited for.
 *
 * They travel on while the question stands: what has arrived by the time of the answer stays.
 *
 * @param {() => Traveller[]} travellers how they are by now
 * @param {() => void} act
 * @returns {Promise<boolean>} whether they were given up
 */
export async function giveUp(travellers, act) {
  const words = question(travellers());
  if (words) {
    asked = travellers;
    return confirm(words, async () => act()).finally(() => (asked = null));
  }
  act();
  return true;
}

/** Let the open question say what would be lost by now; without anything to lose it goes. */
export function askAgain() {
  if (!asked) return;
  const words = question(asked());
  if (words) reword(words);
  else withdraw();
}

/**
 * @param {Traveller[]} travellers
 * @returns {import("./dialogs.js").Words | null} nothing where nothing is lost
 */
export function question(travellers) {
  const unfinished = travellers.filter(isUnfinished);
  const sent = unfinished.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  const whole = unfinished.reduce((sum, { byteSize }) => sum + byteSize, 0);
  if (sent === 0) return null;
  const stays = travellers.some(({ state }) => state === "done") ? "; files that have arrived stay" : "";
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
 * @param {Traveller} traveller
 * @returns {boolean} whether it may still arrive, be it at another try
 */
function isUnfinished({ state, code }) {
  if (state === "failed") return !FINAL_CODES.has(code);
  return state !== "done" && state !== "cancelled";
}
