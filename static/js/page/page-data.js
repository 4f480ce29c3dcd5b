/**
 * @typedef {{
 *   user: string, username: string, csrfCookie: string, inertTypes: string[], putLimit: number,
 *   quota: {limit_bytes: number, used_bytes: number, reserved_bytes: number, file_count: number, reserved_files: number, max_files: number},
 *   policy: import("./policy.js").Policy,
 * }} PageData
 */

/** @returns {PageData} what the server has to tell this page */
export function readPageData() {
  return JSON.parse(byId("page-data").textContent ?? "{}");
}

/**
 * Return the element, which the template promises to have.
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
 * The CSRF token from its cookie: a login in another tab has changed it there, not in this page.
 *
 * @param {string} name
 */
export function csrfToken(name) {
  const pairs = document.cookie.split("; ").map((pair) => pair.split("="));
  return decodeURIComponent(pairs.find(([key]) => key === name)?.[1] ?? "");
}
