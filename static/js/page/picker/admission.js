import { inSlices, sortInSlices } from "./slices.js";
import { itemOf } from "./chosen.js";
import { sameContent } from "./same-file.js";

/**
 * @typedef {import("./chosen.js").Item} Item
 * @typedef {import("./walk.js").Walked} Walked
 * @typedef {import("../transfers.js").Transfer} Transfer
 * @typedef {{item: Item, reason: string}} LeftOut
 * @typedef {{
 *   accepted: Item[], refused: LeftOut[], known: LeftOut[], renamed: Item[],
 *   unreadable: string[], empty: string[], continued: number,
 * }} Admitted the result of one choice (a drop, a paste or a use of a file input).
 *   `accepted`: files for the list; `refused`: files that break the policy; `known`: files that are already in the list
 *   or being sent; `renamed`: accepted files that the server will store under another name; `unreadable` and `empty`:
 *   paths; `continued`: number of files that continue or replace an earlier upload
 * @typedef {{
 *   refusal: (file: {name: string, type: string, size: number}) => string,
 *   chosen: Pick<import("./chosen.js").Chosen, "alike">,
 *   transfers: Pick<import("../transfers.js").Transfers, "alike" | "toReplace" | "replace" | "dismiss">,
 *   divert: (file: File, path: string) => "continued" | "elsewhere" | "",
 *   otherTabs: {sendingAlready: (items: Item[]) => Promise<{same: Set<number>, isWhole: boolean}>},
 * }} Parts `refusal` returns why the policy forbids a file, or "". `divert` continues an unfinished upload with the
 *   file and returns "continued". If another tab is sending an upload with the same name, size and time, it returns
 *   "elsewhere". If there is no unfinished upload of this file, it returns "".
 * @typedef {{item: Item, files: Blob[], reason: string, failed?: Transfer}} Doubtful
 *   a file with the same path, size and time as each of `files`. `admit` compares their bytes.
 */

export const IN_LIST = "already in the list";
export const ON_ITS_WAY = "already being sent";
export const ELSEWHERE = "This file is being sent in another tab.";

const { compare } = new Intl.Collator(undefined, { numeric: true });

/**
 * Compare paths so that "part 2" comes before "part 10". Browsers return the files of a folder unsorted.
 *
 * @param {Item} one
 * @param {Item} other
 */
const asPeopleCount = (one, other) => compare(one.path || one.name, other.path || other.name);

/**
 * Decide for each chosen file. Accept it for the list, continue an upload with it, or leave it out with a reason.
 *
 * A file is left out if its bytes equal those of an earlier file with the same path, size and time. The earlier file is
 * in the list, or this tab or another tab is sending it. Files of the same choice are never compared with each other.
 *
 * @param {Walked} walked
 * @param {Parts} parts
 * @returns {Promise<Admitted>}
 */
export async function admit({ found, unreadable, empty }, { refusal, chosen, transfers, divert, otherTabs }) {
  /** @type {Admitted} */
  const admitted = { accepted: [], refused: [], known: [], renamed: [], unreadable, empty, continued: 0 };
  /** @type {Item[]} */
  const fresh = [];
  /** @type {Set<Item>} */
  const suspects = new Set();
  /** @type {Doubtful[]} */
  const doubtful = [];
  /** @type {{item: Item, failed: Transfer}[]} */
  const replacing = [];

  /** @param {Item} item */
  const decide = (item) => {
    const { file, name, path } = item;
    const failed = transfers.toReplace(item);
    const isRefusedAgain = failed?.code === "different_file" && failed.looksLike(item);
    const way = isRefusedAgain ? "" : divert(file, path);
    if (way === "continued") {
      if (failed?.code === "different_file") transfers.dismiss(failed);
      return void (admitted.continued += 1);
    }
    const reason = refusal({ name, type: file.type, size: file.size });
    if (reason) return void admitted.refused.push({ item, reason });
    if (way === "elsewhere") suspects.add(item);
    if (failed && (isRefusedAgain || !failed.isFinal) && failed.looksLike(item)) {
      return void doubtful.push({ item, files: [failed.file], reason: "", failed });
    }
    if (failed) return void replacing.push({ item, failed });
    const [waiting, sending] = [chosen.alike(item), transfers.alike(item)];
    if (waiting.length > 0) doubtful.push({ item, files: waiting, reason: IN_LIST });
    else if (sending.length > 0) doubtful.push({ item, files: sending, reason: ON_ITS_WAY });
    else fresh.push(item);
  };

  await inSlices(await ordered(found), decide);
  for (const { item, files, reason, failed } of doubtful) {
    if (!(await isAmong(item.file, files))) fresh.push(item);
    else if (failed) replacing.push({ item, failed });
    else admitted.known.push({ item, reason });
  }
  for (const { item, failed } of replacing) await transfers.replace(failed, item);
  admitted.continued += replacing.length;
  const { same, isWhole } = await otherTabs.sendingAlready(fresh);
  for (const [index, item] of fresh.entries()) {
    if (same.has(index) || (suspects.has(item) && !isWhole)) admitted.known.push({ item, reason: ELSEWHERE });
    else admitted.accepted.push(item);
  }
  admitted.renamed = admitted.accepted.filter(({ storedAs }) => storedAs);
  return admitted;
}

/** @param {import("./walk.js").Found[]} found */
async function ordered(found) {
  /** @type {Item[]} */
  const made = [];
  await inSlices(found, (one) => void made.push(itemOf(one)));
  return sortInSlices(made, asPeopleCount);
}

/**
 * @param {File} file
 * @param {Blob[]} files
 */
async function isAmong(file, files) {
  for (const one of files) if (await sameContent(file, one)) return true;
  return false;
}
