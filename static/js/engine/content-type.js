const UNKNOWN = "application/octet-stream";
const WELL_FORMED = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/;

/**
 * Return the content type to declare. If the browser reports no valid type, return application/octet-stream.
 *
 * @param {string} type the type that the browser reports, "" if unknown
 */
export function declaredType(type) {
  const plain = type.split(";")[0].trim().toLowerCase();
  return WELL_FORMED.test(plain) ? plain : UNKNOWN;
}
