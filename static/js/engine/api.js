import { ApiError } from "./errors.js";
import { untilAborted } from "./abort.js";

/**
 * @typedef {{
 *   filename: string, byte_size: number, content_type: string, checksum_sha256?: string, checksum_crc64nvme?: string,
 *   transport?: "put" | "multipart" | "post", relative_path?: string, part_size?: number,
 *   last_modified?: string, fingerprint?: string, head?: string,
 * }} Declaration
 *
 * @typedef {{
 *   id: string, state: "pending" | "inspecting" | "ready" | "rejected" | "expired" | "cancelled" | "deleted",
 *   filename: string, relative_path: string, byte_size: number, content_type: string,
 *   detected_type?: string | null, note?: string | null,
 *   checksum_sha256: string | null, checksum_crc64nvme?: string | null, checksum_algorithm?: string,
 *   checksum_verified_by: "storage" | "readback" | null, transport: "put" | "multipart" | "post" | "form" | "copy",
 *   created_at: string, expires_at: string, completed_at: string | null, rejected_reason: string | null,
 *   release?: "possible" | "requested" | "released" | null, released_as?: string | null, released_from?: string | null,
 *   last_modified?: string | null, fingerprint?: string | null,
 *   request?: import("./put.js").StorageRequest | null, part_size?: number | null, part_count?: number | null,
 * }} UploadRecord one upload, as the API returns it
 *
 * @typedef {{part_number: number, checksum_sha256?: string, checksum_crc64nvme?: string}} WantedPart
 * @typedef {{part_number: number, url: string, headers: Record<string, string>}} SignedPart
 * @typedef {{part_number: number, byte_size: number}} StoredPart
 * @typedef {{signal?: AbortSignal, attempts?: number}} CallOptions
 * @typedef {{status: number, upload?: UploadRecord | null, problem?: import("./errors.js").Problem | null}} BatchResult
 */

const TIMEOUT_MS = 60_000;
const COMPLETE_TIMEOUT_MS = 300_000; // S3 may take minutes to combine 10,000 parts

/** The client of the server's JSON API. It retries after network errors, 429 and 5xx. After other errors, and after the last retry, it throws ApiError. */
export class Api {
  #base;
  #csrfToken;
  #user;
  #fetch;
  #clock;
  #retry;

  /**
   * @param {{
   *   clock: import("./clock.js").Clock,
   *   retry: import("./retry.js").Retry,
   *   csrfToken?: () => string,
   *   user?: string,
   *   base?: string,
   *   fetch?: typeof globalThis.fetch,
   * }} parts `user`: the user id of this page. If another user has logged in after the page was loaded, the server
   *   refuses the requests with `not_authenticated`. If `user` is "", the server does not compare the users.
   */
  constructor({ clock, retry, csrfToken = () => "", user = "", base = "/api/v1", fetch = globalThis.fetch.bind(globalThis) }) {
    this.#clock = clock;
    this.#retry = retry;
    this.#csrfToken = csrfToken;
    this.#user = user;
    this.#base = base;
    this.#fetch = fetch;
  }

  /**
   * Start one upload. If an upload with this key exists, the server returns it with new URLs.
   *
   * @param {Declaration} declaration
   * @param {string} key the Idempotency-Key
   * @param {CallOptions} [options]
   * @returns {Promise<UploadRecord>}
   */
  start(declaration, key, options) {
    return this.#json("POST", "/uploads", { ...options, body: declaration, key });
  }

  /**
   * @param {(Declaration & {idempotency_key: string})[]} declarations at most 100
   * @param {CallOptions} [options]
   * @returns {Promise<BatchResult[]>} one result for each declaration, in the same order
   */
  async startBatch(declarations, options) {
    return (await this.#json("POST", "/uploads/batch", { ...options, body: { uploads: declarations } })).results;
  }

  /**
   * @param {string} id
   * @param {WantedPart[]} parts at most 100
   * @param {CallOptions} [options]
   * @returns {Promise<{parts: SignedPart[], lifetimeMs: number}>} `lifetimeMs`: time until the URLs expire
   */
  async presignParts(id, parts, options) {
    const { body, date } = await this.#call("POST", `/uploads/${id}/parts`, { ...options, body: { parts } });
    return { parts: body.parts, lifetimeMs: Date.parse(body.expires_at) - date };
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   * @returns {Promise<{part_size: number, part_count: number, parts: StoredPart[]}>}
   */
  listParts(id, options) {
    return this.#json("GET", `/uploads/${id}/parts`, options);
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   * @returns {Promise<UploadRecord>}
   */
  complete(id, options) {
    return this.#json("POST", `/uploads/${id}/complete`, { ...options, timeoutMs: COMPLETE_TIMEOUT_MS });
  }

  /**
   * @param {string[]} ids
   * @param {CallOptions} [options]
   * @returns {Promise<BatchResult[]>} one result for each id, in the same order
   */
  async completeBatch(ids, options) {
    const details = { ...options, body: { ids }, timeoutMs: COMPLETE_TIMEOUT_MS };
    return (await this.#json("POST", "/uploads/complete-batch", details)).results;
  }

  /**
   * @param {{state?: string, q?: string, cursor?: string, limit?: number}} [filters]
   * @param {CallOptions} [options]
   * @returns {Promise<{results: UploadRecord[], next_cursor: string | null}>}
   */
  list(filters = {}, options) {
    const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== "");
    const query = String(new URLSearchParams(given.map(([name, value]) => [name, String(value)])));
    return this.#json("GET", `/uploads${query && `?${query}`}`, options);
  }

  /**
   * @param {string} id
   * @param {CallOptions} [options]
   * @returns {Promise<UploadRecord>}
   */
  get(id, options) {
    return this.#json("GET", `/uploads/${id}`, options);
  }

  /**
   * @param {string} id
   * @param {string} filename
   * @param {CallOptions} [options]
   * @returns {Promise<UploadRecord>}
   */
  rename(id, filename, options) {
    return this.#json("PATCH", `/uploads/${id}`, { ...options, body: { filename } });
  }

  /**
   * Ask the operators to release a rejected file. A second request changes nothing.
   *
   * @param {string} id
   * @param {CallOptions} [options]
   * @returns {Promise<UploadRecord>}
   */
  requestRelease(id, options) {
    return this.#json("POST", `/uploads/${id}/request-release`, options);
  }

  /**
   * Cancel a pending upload, or delete a ready file. If the upload no longer exists, do nothing.
   *
   * @param {string} id
   * @param {CallOptions} [options]
   */
  async cancel(id, options) {
    try {
      await this.#call("DELETE", `/uploads/${id}`, options);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  /**
   * @param {CallOptions} [options]
   * @returns {Promise<{
   *   username: string,
   *   quota: {limit_bytes: number, used_bytes: number, reserved_bytes: number, file_count: number, reserved_files: number, max_files: number},
   *   policy: {max_file_size: number, allowed_content_types: string[]},
   * }>}
   */
  me(options) {
    return this.#json("GET", "/me", options);
  }

  /**
   * @param {import("./inquiry.js").Report} report
   * @returns {Promise<{faults: string[], examining: boolean}>} `faults`: codes of the proved causes (fault-words.js);
   *   `examining`: the server is still looking for the cause, so report again later
   */
  reportFault(report) {
    return this.#json("POST", "/storage-faults", { attempts: 1, body: report, timeoutMs: 10_000 });
  }

  /** @returns {Promise<string>} the name of the user who is logged in now. This may be another user than the user of this page. */
  async whoami() {
    return (await this.#json("GET", "/me", { attempts: 1, asAnyone: true })).username;
  }

  /**
   * @param {string} id
   * @param {{inline?: boolean}} [options]
   */
  downloadUrl(id, { inline = false } = {}) {
    return `${this.#base}/uploads/${id}/download${inline ? "?inline=1" : ""}`;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {CallDetails} [details]
   */
  async #json(method, path, details) {
    return (await this.#call(method, path, details)).body;
  }

  /**
   * @typedef {CallOptions & {body?: unknown, key?: string, timeoutMs?: number, asAnyone?: boolean}} CallDetails
   *
   * @param {string} method
   * @param {string} path
   * @param {CallDetails} [details]
   * @returns {Promise<{body: any, date: number}>}
   */
  #call(method, path, { signal, attempts, ...details } = {}) {
    return this.#retry.run(() => this.#send(method, path, details, signal), { signal, attempts });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {CallDetails} details
   * @param {AbortSignal} [signal]
   */
  async #send(method, path, { body, key, timeoutMs = TIMEOUT_MS, asAnyone }, signal) {
    const timeout = new AbortController();
    const cancelTimeout = this.#clock.after(timeoutMs, () => timeout.abort());
    const either = signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal;
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET") headers["X-CSRFToken"] = this.#csrfToken();
    if (this.#user && !asAnyone) headers["X-Slipway-User"] = this.#user;
    if (key) headers["Idempotency-Key"] = key;
    try {
      const request = this.#fetch(this.#base + path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "same-origin",
        signal: either,
      });
      return await untilAborted(request.then(read), either);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ApiError) throw error;
      throw new ApiError(0, {}, { cause: error });
    } finally {
      cancelTimeout();
    }
  }
}

/**
 * @param {Response} response
 * @returns {Promise<{body: any, date: number}>}
 */
async function read(response) {
  const text = await response.text();
  const date = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  if (response.ok) return { body: text ? JSON.parse(text) : null, date };
  const retryAfter = secondsUntil(response.headers.get("Retry-After"), date);
  throw new ApiError(response.status, problemIn(text), { retryAfter });
}

/**
 * @param {string} text
 * @returns {import("./errors.js").Problem}
 */
function problemIn(text) {
  try {
    const problem = JSON.parse(text);
    return typeof problem === "object" && problem ? problem : {};
  } catch {
    return {}; // not JSON, for example the error page of a proxy
  }
}

/**
 * @param {string | null} value seconds or an HTTP date
 * @param {number} date
 */
function secondsUntil(value, date) {
  if (!value) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - date) / 1000;
  return seconds > 0 ? seconds : undefined;
}
