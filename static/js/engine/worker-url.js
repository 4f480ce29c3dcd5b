const NAME = "slipway-worker";

/** @type {{createScriptURL: (url: string) => any} | undefined} */
let policy;

/**
 * Return `url` in the form in which a page under Trusted Types lets a worker run it.
 *
 * The one policy of this site: a script of its own origin, and nothing else.
 * Throws TypeError for another origin, and where the page does not allow the policy.
 *
 * @param {string} url
 * @returns {string | URL}
 */
export function workerUrl(url) {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  if (!trustedTypes) return ownOrigin(url);
  policy ??= trustedTypes.createPolicy(NAME, { createScriptURL: ownOrigin });
  return /** @type {NonNullable<typeof policy>} */ (policy).createScriptURL(url);
}

/**
 * @param {string | undefined} url
 * @returns {(() => Worker) | undefined} undefined where there are no workers
 */
export function workerFactory(url) {
  return url && typeof Worker !== "undefined" ? () => new Worker(workerUrl(url)) : undefined;
}

/** @param {string} url */
function ownOrigin(url) {
  const { href, origin } = new URL(url, location.href);
  if (origin !== location.origin) throw new TypeError(`A worker runs scripts of ${location.origin} only, not ${href}`);
  return href;
}
