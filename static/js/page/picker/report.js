import { ELSEWHERE, IN_LIST, ON_ITS_WAY } from "./admission.js";
import { formatNumber, plural } from "../format.js";
import { isolated } from "../direction.js";

/**
 * @typedef {import("./chosen.js").Item} Item
 * @typedef {import("./admission.js").LeftOut} LeftOut
 * @typedef {{
 *   taken: number, refused: LeftOut[], known: LeftOut[], renamed: Item[], unreadable: string[], empty: string[],
 * }} Facts the sum of the results of all choices; `taken`: number of files that were accepted or that continue an upload
 * @typedef {{
 *   key: string, text: string, tone: "info" | "warning", details: string[], help?: string, items?: Item[],
 * }} Message `items`: files that the person may add anyway
 */

const INLINE = 3;

/** @returns {Facts} the facts before the first choice */
export function nothingSoFar() {
  return { taken: 0, refused: [], known: [], renamed: [], unreadable: [], empty: [] };
}

/**
 * Add the result of one choice to `facts`.
 *
 * @param {Facts} facts
 * @param {import("./admission.js").Admitted} admitted
 */
export function addTo(facts, { accepted, continued, refused, known, renamed, unreadable, empty }) {
  facts.taken += accepted.length + continued;
  facts.refused = facts.refused.concat(refused);
  facts.known = facts.known.concat(known);
  facts.renamed = facts.renamed.concat(renamed);
  facts.unreadable = facts.unreadable.concat(unreadable);
  facts.empty = facts.empty.concat(empty);
}

/**
 * Return the messages about files that were left out, renamed or unreadable.
 *
 * @param {Facts} facts
 * @returns {Message[]}
 */
export function messages({ taken, refused, known, renamed, unreadable, empty }) {
  return [
    ...(unreadable.length > 0 ? [ofUnreadable(unreadable, taken)] : []),
    ...(refused.length > 0 ? [ofRefused(refused)] : []),
    ...ofKnown(known),
    ...(empty.length > 0 ? [ofEmpty(empty)] : []),
    ...(renamed.length > 0 ? [ofRenamed(renamed)] : []),
  ];
}

/**
 * @param {string[]} paths
 * @param {number} taken
 * @returns {Message}
 */
function ofUnreadable(paths, taken) {
  const names = paths.map(lastOf);
  const named = paths.length <= INLINE ? `: ${names.map(isolated).join(", ")}` : "";
  const isTold = paths.length <= INLINE && paths.every((path, index) => path === names[index]);
  return {
    key: "unreadable",
    tone: "warning",
    text: `${plural(taken, "file")} added; ${formatNumber(paths.length)} could not be read${named}`,
    details: isTold ? [] : paths.map(isolated),
    help: "Check that each file still exists and that you may open it. Then choose the file again.",
  };
}

/**
 * @param {LeftOut[]} refused
 * @returns {Message}
 */
function ofRefused(refused) {
  return {
    key: "refused",
    tone: "warning",
    text: `${plural(refused.length, "file was", "files were")} left out`,
    details: refused.map(({ item, reason }) => `${isolated(item.path || item.name)}: ${reason}`),
  };
}

/**
 * @param {LeftOut[]} known
 * @returns {Message[]}
 */
function ofKnown(known) {
  return [IN_LIST, ON_ITS_WAY, ELSEWHERE].flatMap((why) => {
    const items = known.filter(({ reason }) => reason === why).map(({ item }) => item);
    if (items.length === 0) return [];
    const details = items.map(({ path, name }) => isolated(path || name));
    return [{ key: why, tone: /** @type {const} */ ("info"), text: knownText(why, items.length), details, items }];
  });
}

/**
 * @param {string} why
 * @param {number} count
 */
function knownText(why, count) {
  if (why !== ELSEWHERE) return `${plural(count, "file is", "files are")} ${why}`;
  return count === 1 ? ELSEWHERE : `${plural(count, "file")} are being sent in another tab.`;
}

/**
 * @param {string[]} empty
 * @returns {Message}
 */
function ofEmpty(empty) {
  const text = empty.length === 1 ? "This folder is empty." : `${plural(empty.length, "folder")} are empty.`;
  return { key: "empty", tone: "info", text, details: empty.map(isolated) };
}

/**
 * @param {Item[]} renamed
 * @returns {Message}
 */
function ofRenamed(renamed) {
  return {
    key: "renamed",
    tone: "info",
    text: `${plural(renamed.length, "file")} will be stored under ${renamed.length === 1 ? "another name" : "other names"}`,
    details: renamed.map(({ name, path, storedAs }) => `${isolated(path || name)} → ${isolated(storedAs)}`),
  };
}

/** @param {string} path */
function lastOf(path) {
  const segments = path.split("/").filter(Boolean);
  return (segments.at(-1) ?? path) + (path.endsWith("/") ? "/" : "");
}
