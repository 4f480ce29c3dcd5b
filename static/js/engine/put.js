import { DeliveryError } from "./errors.js";
import { formBody } from "./form-body.js";
import { freshSlice, readAgain, readBytes } from "./reading.js";

/**
 * @typedef {{method: string, url: string, headers?: Record<string, string>, fields?: Record<string, string>}} StorageRequest
 * @typedef {{status: number, text: () => string, headers: () => string, stalled: boolean}} Answer
 */

const STALL_MS = 30_000; // a request fails if the browser sends no byte for this time
const ANSWER_MS = 120_000; // timeout for S3's response after all bytes are sent
const EXPIRED_400 = new Set(["ExpiredToken", "RequestExpired"]);
const RETRYABLE_400 = new Set(["RequestTimeout", "IncompleteBody", "XMinioIncompleteBody"]);
const UNSUPPORTED_FORM = new Set([412, 501]); // a form has no If-None-Match, so its 412 does not mean that the object exists
const CORRUPT_400 = new Set(["BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"]);

/** Sends one body to S3 over its presigned URL. Converts an error response to a DeliveryError with a code. */
export class Put {
  #clock;
  #connectivity;
  #createXhr;
  #stallMs;
  #answerMs;

  /**
   * @param {{
   *   clock: import("./clock.js").Clock,
   *   connectivity?: Pick<import("./connectivity.js").Connectivity, "answered">,
   *   createXhr?: () => XMLHttpRequest,
   *   stallMs?: number,
   *   answerMs?: number,
   * }} parts
   */
  constructor({ clock, connectivity, createXhr = () => new XMLHttpRequest(), stallMs = STALL_MS, answerMs = ANSWER_MS }) {
    this.#clock = clock;
    this.#connectivity = connectivity;
    this.#createXhr = createXhr;
    this.#stallMs = stallMs;
    this.#answerMs = answerMs;
  }

  /**
   * Resolve when S3 has the body. Throw DeliveryError if sending failed, or the signal's reason after an abort.
   *
   * @param {StorageRequest} request
   * @param {Blob} body the bytes to send; the type of the blob is ignored
   * @param {{signal: AbortSignal, onProgress?: (sent: number) => void, bytes?: ArrayBuffer, whole?: Blob}} options
   *   `bytes`: the content of the body, if it was already read; `whole`: the file, if the body is the whole file
   */
  async send(request, body, { signal, onProgress = () => {}, bytes, whole }) {
    const source = bytes ?? sourceOf(request, body, whole);
    const answer = await this.#exchange(request, source, body.size, signal, onProgress);
    if (answer.status >= 200 && answer.status < 300) return;
    if (answer.status === 0 && !answer.stalled && !bytes && !(await this.#isReadable(body, signal))) {
      throw new DeliveryError("unreadable");
    }
    throw classify(answer, request);
  }

  /**
   * Return whether the browser can read the file. XMLHttpRequest cannot show this, because it reports a network error both
   * if the network fails and if the file was changed.
   *
   * @param {Blob} body
   * @param {AbortSignal} signal
   */
  async #isReadable(body, signal) {
    try {
      await readAgain(() => readBytes(body.slice(0, 1, "")), { clock: this.#clock, signal });
      return true;
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  /**
   * @param {StorageRequest} request
   * @param {Blob | ArrayBuffer} body
   * @param {number} size of the body
   * @param {AbortSignal} signal
   * @param {(sent: number) => void} onProgress
   * @returns {Promise<Answer>}
   */
  #exchange(request, body, size, signal, onProgress) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const xhr = this.#createXhr();
      let cancelWatch = () => {};
      const finish = (/** @type {() => void} */ settle) => {
        cancelWatch();
        signal.removeEventListener("abort", abort);
        settle();
      };
      const answer = (stalled = false) => ({
        status: stalled ? 0 : xhr.status,
        text: () => (stalled ? "" : xhr.responseText),
        headers: () => (stalled ? "" : xhr.getAllResponseHeaders()),
        stalled,
      });
      const abort = () => finish(() => (reject(signal.reason), xhr.abort()));
      const watch = (/** @type {number} */ milliseconds) => {
        cancelWatch();
        cancelWatch = this.#clock.after(milliseconds, () =>
          finish(() => (resolve(answer(true)), xhr.abort())),
        );
      };
      // Progress events of a small body would cost more time than sending the body. They would also force the browser to
      // send a CORS preflight before a form.
      const isSmall = body instanceof ArrayBuffer;
      if (!isSmall) {
        xhr.upload.onprogress = ({ loaded }) => {
          watch(loaded < size ? this.#stallMs : this.#answerMs);
          if (loaded > 0) this.#connectivity?.answered(); // the browser sends bytes only after it has connected
          onProgress(Math.min(loaded, size));
        };
        xhr.upload.onload = () => watch(this.#answerMs);
      }
      xhr.onload = xhr.onerror = xhr.onabort = () => finish(() => resolve(answer()));
      signal.addEventListener("abort", abort, { once: true });
      xhr.open(request.method, request.url);
      for (const [name, value] of Object.entries(request.headers ?? {})) xhr.setRequestHeader(name, value);
      watch(isSmall ? 2 * this.#stallMs : this.#stallMs);
      if (!request.fields) return xhr.send(body);
      if (!isSmall) return xhr.send(form(request.fields, body));
      const small = formBody(request.fields, body);
      xhr.setRequestHeader("Content-Type", small.type);
      xhr.send(small.body);
    });
  }
}

/**
 * Return the whole file itself if the request has a signed Content-Type header, otherwise a slice without a type.
 *
 * The file itself needs less CPU time, because Chromium's network process reads a whole file directly from the disk.
 * But if the request has no Content-Type header, the browser adds this header with the file's type, and the signature of
 * the URL does not cover this type.
 *
 * @param {StorageRequest} request
 * @param {Blob} body
 * @param {Blob} [whole] the file, if the body is the whole file
 */
function sourceOf({ headers = {}, fields }, body, whole) {
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  return whole && hasType && !fields ? whole : freshSlice(body);
}

/**
 * @param {Record<string, string>} fields
 * @param {Blob} body
 */
function form(fields, body) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  data.append("file", body); // must be the last field, because S3 ignores all fields after the file
  return data;
}

/**
 * @param {Answer} answer
 * @param {StorageRequest} request
 */
function classify({ status, text, headers, stalled }, { fields }) {
  const storageCode = /<Code>([^<]+)<\/Code>/.exec(text())?.[1] ?? "";
  const facts = { status, storageCode, retryAfter: retryAfter(headers()) };
  if (stalled) return new DeliveryError("stalled");
  if (status === 0) return new DeliveryError("network");
  if (fields && UNSUPPORTED_FORM.has(status)) return new DeliveryError("refused", facts);
  if (status === 429 || status === 503 || storageCode === "SlowDown") return new DeliveryError("pushback", facts);
  if (status >= 500 || status === 408 || RETRYABLE_400.has(storageCode)) return new DeliveryError("network", facts);
  if (status === 409) return new DeliveryError("network", facts); // two writes ran at the same time; a retry succeeds or gets 412
  if (status === 412) return new DeliveryError("exists", facts);
  if (status === 404) return new DeliveryError("gone", facts);
  if (status === 403 || EXPIRED_400.has(storageCode)) return new DeliveryError("expired", facts);
  if (CORRUPT_400.has(storageCode)) return new DeliveryError("corrupt", facts);
  return new DeliveryError("refused", facts);
}

/** @param {string} headers the response headers that the bucket's CORS rule exposes */
function retryAfter(headers) {
  const seconds = /^retry-after:\s*(\d+)/im.exec(headers)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
