const SLICE_MS = 8;

/**
 * Wait until the browser has had time to draw, to handle input and to run timers.
 *
 * This function sends itself a message, and the wait ends when the message arrives. Other ways would be worse. After
 * `scheduler.yield`, Chromium would continue this work before timers that are due. A timer would wait for at least 4 ms,
 * and in a hidden page for a second.
 *
 * @returns {Promise<void>}
 */
export function yieldToBrowser() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * Call `act` for each item, and pause every 8 ms, so that the page does not freeze.
 *
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item, index: number) => void} act
 * @param {{now?: () => number, rest?: () => Promise<unknown>, isOver?: () => boolean}} [options]
 *   `rest` is the pause. After each pause, `isOver` is called. If it returns true, the remaining items are skipped.
 */
export async function inSlices(items, act, { now = () => performance.now(), rest = yieldToBrowser, isOver = () => false } = {}) {
  let end = now() + SLICE_MS;
  for (let index = 0; index < items.length; index += 1) {
    act(items[index], index);
    if (now() < end) continue;
    await rest();
    if (isOver()) return;
    end = now() + SLICE_MS;
  }
}

/**
 * Return a function that a long loop awaits in each step. The function pauses with `rest` every 8 ms.
 *
 * @param {{now?: () => number, rest?: () => Promise<unknown>}} [options]
 * @returns {() => Promise<void>}
 */
export function pauses({ now = () => performance.now(), rest = yieldToBrowser } = {}) {
  let end = now() + SLICE_MS;
  /** @type {Promise<void> | null} */
  let resting = null;
  return async () => {
    if (now() < end) return;
    resting ??= rest().then(() => {
      end = now() + SLICE_MS;
      resting = null;
    });
    await resting;
  };
}

const RUN = 200;

/**
 * Return the sorted items. Pause every 8 ms, so that the page does not freeze.
 *
 * @template Item
 * @param {Item[]} items
 * @param {(one: Item, other: Item) => number} compare
 * @param {{now?: () => number, rest?: () => Promise<unknown>}} [options]
 * @returns {Promise<Item[]>}
 */
export async function sortInSlices(items, compare, options) {
  /** @type {Item[][]} */
  let runs = [];
  for (let start = 0; start < items.length; start += RUN) runs.push(items.slice(start, start + RUN));
  await inSlices(runs, (run) => run.sort(compare), options);
  while (runs.length > 1) {
    /** @type {Item[][]} */
    const longer = [];
    for (let index = 0; index < runs.length; index += 2) {
      longer.push(runs[index + 1] ? await merge(runs[index], runs[index + 1], compare, options) : runs[index]);
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

/**
 * Merge two sorted lists.
 *
 * @template Item
 * @param {Item[]} one
 * @param {Item[]} other
 * @param {(one: Item, other: Item) => number} compare
 * @param {{now?: () => number, rest?: () => Promise<unknown>}} [options]
 */
async function merge(one, other, compare, options) {
  /** @type {Item[]} */
  const merged = new Array(one.length + other.length);
  let [left, right] = [0, 0];
  await inSlices(
    merged,
    (_, index) => {
      const takesLeft = right === other.length || (left < one.length && compare(one[left], other[right]) <= 0);
      merged[index] = takesLeft ? one[left++] : other[right++];
    },
    options,
  );
  return merged;
}
