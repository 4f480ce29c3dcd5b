const UNKNOWN = "application/octet-stream";
const WELL_FORMED = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/;

/** Types that a browser may run. The server refuses them by default, so they are declared as plain bytes. */
export const INERT_TYPES = [
  "application/ecmascript",
  "application/javascript",
  "application/x-httpd-php",
  "application/x-javascript",
  "application/x-shockwave-flash",
  "application/xml",
  "message/rfc822",
  "multipart/related",
  "text/ecmascript",
  "text/html",
  "text/javascript",
  "text/vbscript",
  "text/xml",
  "text/xsl",
];

/**
 * Return the content type to declare for what the browser calls `type`; it gives "" for what it does not know.
 *
 * @param {string} type
 * @param {string[]} inertTypes every `+xml` type is inert too
 */
export function declaredType(type, inertTypes = INERT_TYPES) {
  const plain = type.split(";")[0].trim().toLowerCase();
  if (!WELL_FORMED.test(plain) || plain.endsWith("+xml") || inertTypes.includes(plain)) return UNKNOWN;
  return plain;
}
