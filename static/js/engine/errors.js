import { isReadError } from "./reading.js";

/*
 * UploadError            any error that ends an upload; `message` is a sentence for the person
 * ├── ApiError           our server refused a request, or did not respond
 * └── DeliveryError      S3 refused a request, or did not respond
 */

/** An error that ends an upload. `code` is for programs. `message` tells the person what happened and what to do. */
export class UploadError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = "UploadError";
    this.code = code;
    /** True if a retry of the request may succeed. */
    this.retryable = false;
    /** @type {number | undefined} seconds to wait before a retry, if the server sent `Retry-After` */
    this.retryAfter = undefined;
    /** The id of the upload that the server rejected, or "". */
    this.uploadId = "";
  }
}

/** @typedef {Record<string, unknown> & {code?: string, detail?: string, errors?: Record<string, string[]>, missing_parts?: number[], retry_after?: number}} Problem */

const RETRYABLE_STATUSES = new Set([0, 429, 500, 502, 503, 504]);

/** Our server refused a request and sent problem+json, or it did not respond. Without a response, `status` is 0. */
export class ApiError extends UploadError {
  /**
   * @param {number} status
   * @param {Problem} problem
   * @param {{retryAfter?: number, cause?: unknown}} [options]
   */
  constructor(status, problem, { retryAfter, cause } = {}) {
    const code = problem.code ?? (status ? `http_${status}` : "network");
    super(code, sentence(status, code, problem), { cause });
    this.name = "ApiError";
    this.status = status;
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? {};
    this.problem = problem;
    // In the response to a batch, each refused item has its own `retry_after`, because an item has no headers.
    this.retryAfter = retryAfter ?? problem.retry_after;
    // All calls are idempotent, so a retry is always safe. A start is idempotent by its Idempotency-Key.
    this.retryable = RETRYABLE_STATUSES.has(status);
  }
}

/**
 * @param {number} status
 * @param {string} code
 * @param {Problem} problem
 */
function sentence(status, code, problem) {
  if (status === 0) return "The server cannot be reached. Check the connection, then try again.";
  if (code === "not_authenticated") return "You are logged out. Log in again in another tab, then try again.";
  if (code === "csrf_failed") return "The page is out of date. Reload it, then choose the file again.";
  const fields = Object.values(problem.errors ?? {}).flat();
  if (fields.length > 0) return fields.join(" ");
  return problem.detail || `The server answered with an error (${status}). Try again in a moment.`;
}

/** @typedef {"network" | "stalled" | "pushback" | "expired" | "exists" | "corrupt" | "gone" | "unreadable" | "refused"} DeliveryCode */

const RETRYABLE_CODES = new Set(["network", "stalled", "pushback"]);

/** @type {Record<DeliveryCode, string>} */
const DELIVERY_SENTENCES = {
  network: "The connection to the storage failed. Check the network, then try again.",
  stalled: "The connection to the storage stalled. Check the network, then try again.",
  pushback: "The storage is busy. Try again in a moment.",
  expired: "The storage refused the upload, although this site permits it. Try again. If that fails, tell the administrator.",
  exists: "The storage already has the file.",
  corrupt: "The storage received other bytes than this browser sent. Try again.",
  gone: "The storage no longer has this upload. If you try again, the whole file is sent again.",
  unreadable: "The file cannot be read, because it was changed, moved or deleted. Choose the file again.",
  refused: "The storage refused the file",
};

/** S3 refused a request, or did not respond. The callers decide by `code` how to continue. */
export class DeliveryError extends UploadError {
  /**
   * @param {DeliveryCode} code
   * @param {{status?: number, storageCode?: string, retryAfter?: number, cause?: unknown}} [facts]
   */
  constructor(code, { status = 0, storageCode = "", retryAfter, cause } = {}) {
    const answer = [status, storageCode].filter(Boolean).join(" ");
    const facts = code === "refused" ? ` (${answer}). Try again. If that fails, tell the administrator.` : "";
    super(code, DELIVERY_SENTENCES[code] + facts, { cause });
    this.name = "DeliveryError";
    this.status = status;
    this.storageCode = storageCode;
    this.retryAfter = retryAfter;
    this.retryable = RETRYABLE_CODES.has(code);
  }
}

/**
 * Return DeliveryError `unreadable` if the browser could not read the file. Otherwise return `error`.
 *
 * @param {unknown} error
 */
export function readingError(error) {
  return isReadError(error) ? new DeliveryError("unreadable", { cause: error }) : error;
}

/**
 * Return null if the error is `invalid_state`, which means that the upload has ended. Otherwise throw `error`.
 *
 * @param {unknown} error
 */
export function nullIfEnded(error) {
  if (error instanceof ApiError && error.code === "invalid_state") return null;
  throw error;
}
