/**
 * Return what `promise` settles with, or reject with the signal's reason as soon as it is aborted.
 *
 * The work behind the promise goes on: only the waiting ends.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export function untilAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * Return a controller that aborts when `signal` does; call `release` when it is no longer needed.
 *
 * `AbortSignal.any` would do, but browsers of 2023 lack it.
 *
 * @param {AbortSignal} signal
 */
export function linkedController(signal) {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  return { controller, release: () => signal.removeEventListener("abort", abort) };
}
