/**
 * @typedef {{
 *   user: string, username: string, csrfCookie: string, runnableEndings: string[], putLimit: number,
 *   quota: {limit_bytes: number, used_bytes: number, reserved_bytes: number, file_count: number, reserved_files: number, max_files: number},
 *   policy: import("./policy.js").Policy,
 * }} PageData
 */

/** @returns {PageData} the data that the server has put into the page */
export function readPageData() {
  return JSON.parse(byId("page-data").textContent ?? "{}");
}

/**
 * Return an element that the template always contains. Throws Error if it is missing.
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
 * Return the CSRF token from its cookie, because a login in another tab changes the cookie but not this page.
 *
 * @param {string} name
 */
export function csrfToken(name) {
  const pairs = document.cookie.split("; ").map((pair) => pair.split("="));
  return decodeURIComponent(pairs.find(([key]) => key === name)?.[1] ?? "");
}
