import { randomHex } from "./random-hex.js";

const encoder = new TextEncoder();
const COUNTER_DIGITS = 8;
// No file can contain the boundary, because nobody can guess this secret. The counter makes each boundary different.
const secret = randomHex().slice(COUNTER_DIGITS);
let forms = 0;

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
  const parts = Object.entries(fields).map(([name, value]) => `${head(boundary, name)}\r\n${value}\r\n`);
  // The file must be the last field, because S3 ignores all fields after the file.
  parts.push(`${head(boundary, "file", '; filename="file"')}Content-Type: application/octet-stream\r\n\r\n`);
  const before = encoder.encode(parts.join(""));
  const after = encoder.encode(`\r\n--${boundary}--\r\n`);
  const body = new Uint8Array(before.length + bytes.byteLength + after.length);
  body.set(before);
  body.set(new Uint8Array(bytes), before.length);
  body.set(after, before.length + bytes.byteLength);
  return { body: body.buffer, type: `multipart/form-data; boundary=${boundary}` };
}

/**
 * Escape a name as browsers do. Values need no escaping, because they cannot contain the boundary.
 *
 * @param {string} name
 */
function escaped(name) {
  return name.replace(/["\r\n]/g, (mark) => encodeURIComponent(mark));
}

/**
 * @param {string} boundary
 * @param {string} name
 * @param {string} [rest] further parameters of the header
 */
function head(boundary, name, rest = "") {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(name)}"${rest}\r\n`;
}
