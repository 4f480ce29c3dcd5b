/**
 * Listen for requests that the page's Content-Security-Policy blocks, and remember their origins.
 *
 * @param {Document} document
 * @returns {(origin: string) => boolean} returns whether the policy has blocked a request to this origin
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
