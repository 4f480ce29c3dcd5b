/**
 * @typedef {{
 *   user: string, username: string, csrfCookie: string, runnableEndings: string[], putLimit: number,
 *   bucketHosts: number, checksumAlgorithm: string, usesForms: boolean,
 *   quota: {limit_bytes: number, used_bytes: number, reserved_bytes: number, file_count: number, reserved_files: number, max_files: number},
 *   policy: import("./policy.js").Policy,
 * }} PageData
 */

/** @returns {PageData} the data that the server has written into the page */
export function readPageData() {
  return JSON.parse(byId("page-data").textContent ?? "{}");
}

/**
 * Return an element of the template. Throw an Error if the page does not have it.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found;
}

/**
 * Return the CSRF token from its cookie. A login in another tab changes the cookie, so a copy in the page would be old.
 *
 * @param {string} name the name of the cookie
 */
export function csrfToken(name) {
  const pairs = document.cookie.split("; ").map((pair) => pair.split("="));
  return decodeURIComponent(pairs.find(([key]) => key === name)?.[1] ?? "");
}
