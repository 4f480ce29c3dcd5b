const NAME = "slipway-worker";

/** @type {{createScriptURL: (url: string) => any} | undefined} */
let policy;

/**
 * Return `url` as a TrustedScriptURL if the browser supports Trusted Types, otherwise as a string.
 *
 * The site has only this one Trusted Types policy. It allows only scripts of the site's own origin.
 * Throw TypeError for another origin, or if the Content-Security-Policy of the page does not allow this policy.
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
 * @returns {((name?: string) => Worker) | undefined} a function that starts a worker, or undefined
 *   if there is no URL or the browser has no workers
 */
export function workerFactory(url) {
  return url && typeof Worker !== "undefined" ? (name) => new Worker(workerUrl(url), { name }) : undefined;
}

/** @param {string} url */
function ownOrigin(url) {
  const { href, origin } = new URL(url, location.href);
  if (origin !== location.origin) throw new TypeError(`A worker runs scripts of ${location.origin} only, not ${href}`);
  return href;
}
