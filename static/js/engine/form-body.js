import { randomHex } from "./random-hex.js";

const encoder = new TextEncoder();
const COUNTER_DIGITS = 8;
// No file can contain the boundary, because nobody can guess this secret. The counter makes each boundary different.
const secret = randomHex().slice(COUNTER_DIGITS);
let forms = 0;
/** @type {Map<string, string>} the header of each field; all forms have the same few fields */
const heads = new Map();
const FILE_HEAD = '\r\nContent-Disposition: form-data; name="file"; filename="file"\r\nContent-Type: application/octet-stream\r\n\r\n';

/**
 * Return a presigned form as one buffer, in the format multipart/form-data, and the value of its header Content-Type.
 *
 * A FormData object would do the same, but the browser then stores the file's bytes a second time and passes them through
 * another process.
 *
 * @param {Record<string, string>} fields
 * @param {ArrayBuffer} bytes the content of the file
 */
export function formBody(fields, bytes) {
  forms += 1;
  const boundary = `slipway-${secret}${forms.toString(16).padStart(COUNTER_DIGITS, "0")}`;
  let text = "";
  for (const [name, value] of Object.entries(fields)) text += `--${boundary}${headOf(name)}${value}\r\n`;
  // The file must be the last field, because S3 ignores all fields after the file.
  const before = encoder.encode(`${text}--${boundary}${FILE_HEAD}`);
  const after = encoder.encode(`\r\n--${boundary}--\r\n`);
  const body = new Uint8Array(before.length + bytes.byteLength + after.length);
  body.set(before);
  body.set(new Uint8Array(bytes), before.length);
  body.set(after, before.length + bytes.byteLength);
  return { body: body.buffer, type: `multipart/form-data; boundary=${boundary}` };
}

/**
 * Return the header of a field. Its name is escaped as browsers do it. Values need no escaping, because they cannot contain
 * the boundary.
 *
 * @param {string} name
 */
function headOf(name) {
  let found = heads.get(name);
  if (!found) {
    const escaped = name.replace(/["\r\n]/g, (mark) => encodeURIComponent(mark));
    heads.set(name, (found = `\r\nContent-Disposition: form-data; name="${escaped}"\r\n\r\n`));
  }
  return found;
}
