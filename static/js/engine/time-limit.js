/** A service of the browser did not answer in time. */
export class NoAnswer extends Error {
  /** @param {number} limitMs */
  constructor(limitMs) {
    super(`The browser did not answer within ${limitMs} ms.`);
    this.name = "NoAnswer";
  }
}

/**
 * Return what `ask` returns, or throw NoAnswer after `limitMs`.
 *
 * Services of the browser may be missing, throw at once, or never answer. All three reject here, so each caller has
 * one place that says how it goes on without the service.
 *
 * @template T
 * @param {number} limitMs
 * @param {() => T | PromiseLike<T>} ask
 * @param {(answer: T) => void} [late] gets the answer that came after the limit
 * @returns {Promise<T>}
 */
export function within(limitMs, ask, late = () => {}) {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      reject(new NoAnswer(limitMs));
    }, limitMs);
    new Promise((answer) => answer(ask()))
      .then((answer) => (isOver ? late(/** @type {T} */ (answer)) : resolve(/** @type {T} */ (answer))))
      .catch(reject)
      .finally(() => clearTimeout(timer));
  });
}

/**
 * Return the service that `read` reads from the browser, or undefined where the browser has none or refuses it.
 *
 * @template T
 * @param {() => T} read
 * @returns {T | undefined}
 */
export function serviceOf(read) {
  try {
    return read() ?? undefined;
  } catch {
    return undefined;
  }
}
