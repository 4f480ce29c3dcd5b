const AT_ONCE = 6;

/**
 * Call `act` for each item, for at most six items at the same time. If the server does not answer or the person is
 * logged out, skip the remaining items, because they would fail too.
 *
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => Promise<unknown>} act
 * @returns {Promise<{failed: number, error: Error | null}>} `failed`: number of items that failed or were skipped;
 *   `error`: the first failure
 */
export async function forEachItem(items, act) {
  const waiting = [...items];
  /** @type {Error | null} */
  let error = null;
  let failed = 0;
  const work = async () => {
    while (waiting.length > 0) {
      const [item] = waiting.splice(0, 1);
      try {
        await act(item);
      } catch (problem) {
        error ??= /** @type {Error} */ (problem);
        failed += 1;
        if (isGeneral(problem)) failed += waiting.splice(0).length;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { failed, error };
}

/** @param {any} error */
const isGeneral = ({ status, code }) => status === 0 || code === "not_authenticated";
