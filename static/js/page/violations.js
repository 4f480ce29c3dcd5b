/**
 * Remember the origins to which the page's Content-Security-Policy has blocked requests.
 *
 * @param {Document} document
 * @returns {(origin: string) => boolean}
 */
export function watchPolicy(document) {
  /** @type {Set<string>} */
  const forbidden = new Set();
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, disposition }) => {
    if (effectiveDirective === "connect-src" && disposition === "enforce") forbidden.add(originOf(blockedURI));
  });
  return (origin) => forbidden.has(origin);
}

/** @param {string} address a URL, or a word such as "inline" */
function originOf(address) {
  try {
    return new URL(address).origin;
  } catch {
    return "";
  }
}
