/** A service of the browser did not answer in time. */
export class NoAnswer extends Error {
  /** @param {number} limitMs */
  constructor(limitMs) {
    super(`The browser did not answer within ${limitMs} ms.`);
    this.name = "NoAnswer";
  }
}

/**
 * Return the result of `ask`, or throw NoAnswer after `limitMs`.
 *
 * A service of the browser may be missing, throw at once, or never answer. All three cases reject here, so each caller
 * handles the missing service in one place.
 *
 * @template T
 * @param {number} limitMs
 * @param {() => T | PromiseLike<T>} ask
 * @param {(answer: T) => void} [late] gets an answer that comes after the limit
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
 * Return the browser's service that `read` returns, or undefined if the browser does not have it or refuses it.
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
