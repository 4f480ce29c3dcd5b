/** An API of the browser did not respond in time. */
export class NoAnswer extends Error {
  /** @param {number} limitMs */
  constructor(limitMs) {
    super(`The browser did not answer within ${limitMs} ms.`);
    this.name = "NoAnswer";
  }
}

/**
 * Return the result of `ask`, which calls an API of the browser. Throw NoAnswer after `limitMs`.
 *
 * If the browser lacks the API, or if the API throws, the returned promise rejects too. So a caller handles all three
 * cases in one place.
 *
 * @template T
 * @param {number} limitMs
 * @param {() => T | PromiseLike<T>} ask
 * @param {(answer: T) => void} [late] gets a result that comes after the timeout
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
 * Return the result of `read`, which reads an API object of the browser. Return undefined if the browser lacks the
 * object or refuses access.
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
