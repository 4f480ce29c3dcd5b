/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

const PAGE = 100;
const MAX_PAGES = 30;

/**
 * Read what the server has pending; the list is not whole when it is longer than anybody looks through.
 *
 * @param {import("../engine/api.js").Api} api
 * @returns {Promise<{records: UploadRecord[], isWhole: boolean} | null>} null when the server could not be asked
 */
export async function pendingOf(api) {
  /** @type {UploadRecord[]} */
  const records = [];
  let cursor;
  try {
    for (let pages = 0; pages < MAX_PAGES && cursor !== null; pages += 1) {
      /** @type {{results: UploadRecord[], next_cursor: string | null}} */
      const page = await api.list({ state: "pending", limit: PAGE, cursor });
      // A plain form sends its file from its own page, and the server copies a released one.
      records.push(...page.results.filter(({ transport }) => transport !== "form" && transport !== "copy"));
      cursor = page.next_cursor;
    }
    return { records, isWhole: cursor === null };
  } catch {
    return null;
  }
}
