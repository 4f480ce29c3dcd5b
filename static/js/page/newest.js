/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

const PAGE = 100;
const MAX_PAGES = 5;

/**
 * The range of uploads that the page has read, as start times in milliseconds since 1970.
 *
 * `newest` is the start time of the newest upload. The page has read all uploads between this time and the last row.
 * `open` is the start time of the oldest upload that was pending when the page read it. The next refresh also reads this
 * upload again, because it may be ready by then.
 *
 * @typedef {{newest: number, open: number}} Reach
 */

/** @type {Reach} */
export const NOTHING_READ = { newest: -Infinity, open: Infinity };

/** @param {Pick<UploadRecord, "created_at">} record */
export const begunAt = ({ created_at: moment }) => Date.parse(moment);

/**
 * Return the range after the page has also read `results`.
 *
 * @param {Reach} reach
 * @param {UploadRecord[]} results uploads in any state
 * @returns {Reach}
 */
export function extended({ newest, open }, results) {
  const pending = results.filter(({ state }) => state === "pending");
  return { newest: Math.max(newest, ...results.map(begunAt)), open: Math.min(open, ...pending.map(begunAt)) };
}

/**
 * Read the newest uploads, page by page, until the pages reach the range that the list has already read.
 *
 * @param {Pick<import("../engine/api.js").Api, "list">} api
 * @param {Reach} reach
 * @param {AbortSignal} signal
 * @returns {Promise<{results: UploadRecord[], isWhole: boolean} | null>} null if MAX_PAGES pages do not reach the range;
 *   `isWhole`: true if the server has no older uploads
 */
export async function readNewest(api, { newest, open }, signal) {
  /** @type {UploadRecord[]} */
  const results = [];
  let last = Infinity;
  /** @type {string | undefined} */
  let cursor;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const page = await api.list({ limit: PAGE, cursor }, { signal });
    results.push(...page.results);
    if (page.next_cursor === null) return { results, isWhole: true };
    cursor = page.next_cursor;
    last = Math.min(last, ...page.results.map(begunAt));
    if (last < Math.min(newest, open)) break;
  }
  return last < newest ? { results, isWhole: false } : null;
}

/**
 * Return the shown uploads that another tab or device has deleted. They are in the time range of `results`, but
 * `results` does not contain them.
 *
 * @param {Iterable<UploadRecord>} shown
 * @param {{results: UploadRecord[], isWhole: boolean}} answer
 */
export function missingFrom(shown, { results, isWhole }) {
  const ids = new Set(results.map(({ id }) => id));
  const last = isWhole ? -Infinity : Math.min(...results.map(begunAt));
  return [...shown].filter((record) => !ids.has(record.id) && begunAt(record) > last);
}

/**
 * Read one page of the list. If all uploads of the page are pending, read the next page too. The list on the screen does
 * not show pending uploads, so a page with only pending uploads would look like the end of the list.
 *
 * @param {Pick<import("../engine/api.js").Api, "list">} api
 * @param {{q: string, cursor: string | null, limit: number}} filters
 * @param {AbortSignal} signal
 * @returns {Promise<{read: UploadRecord[], records: UploadRecord[], cursor: string | null}>} `read`: all
 *   uploads that were read; `records`: those that are not pending
 */
export async function readPage(api, { cursor, ...filters }, signal) {
  /** @type {UploadRecord[]} */
  const read = [];
  for (let next = cursor; ; ) {
    const page = await api.list({ ...filters, cursor: next ?? undefined }, { signal });
    read.push(...page.results);
    next = page.next_cursor;
    const records = read.filter(({ state }) => state !== "pending");
    if (!next || records.length > 0) return { read, records, cursor: next };
  }
}
