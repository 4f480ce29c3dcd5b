/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

const PAGE = 100;
const MAX_PAGES = 30;

/**
 * Read the pending uploads from the server, at most MAX_PAGES pages.
 *
 * @param {import("../engine/api.js").Api} api
 * @returns {Promise<{records: UploadRecord[], isWhole: boolean} | null>} null if a request failed; `isWhole`: false if
 *   the server has more pending uploads
 */
export async function pendingOf(api) {
  /** @type {UploadRecord[]} */
  const records = [];
  let cursor;
  try {
    for (let pages = 0; pages < MAX_PAGES && cursor !== null; pages += 1) {
      /** @type {{results: UploadRecord[], next_cursor: string | null}} */
      const page = await api.list({ state: "pending", limit: PAGE, cursor });
      // Omit uploads that this page cannot continue. Uploads of the form without JavaScript (`form`) have their own page.
      // For a release from quarantine (`copy`), the server itself copies the bytes.
      records.push(...page.results.filter(({ transport }) => transport !== "form" && transport !== "copy"));
      cursor = page.next_cursor;
    }
    return { records, isWhole: cursor === null };
  } catch {
    return null;
  }
}
