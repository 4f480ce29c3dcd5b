import { Connectivity } from "./connectivity.js";
import { DeliveryError } from "./errors.js";
import { Emitter } from "./emitter.js";
import { adviceOf, reasonOf } from "./fault-words.js";
import { untilAborted } from "./abort.js";

// Ask the server for the cause only after requests have failed for this time, so that one lost connection causes no
// question. After a stall, ask at once.
const DOUBT_MS = 500;
const EVENT_MS = 100; // the browser may report a policy violation some time after the request has failed
const REST_MS = 5_000;
const AGAIN_MS = 2_000;
const MAX_ASKS = 4;
const MAX_WAIT_MS = 6_000; // longest wait for the cause of a refusal before the upload fails

/**
 * @typedef {"blocked" | "unreachable" | "refused" | "policy" | "mixed_content"} Sign
 * @typedef {{seen: Sign[], byte_size?: number, status?: number, storage_code?: string}} Report
 * @typedef {Pick<import("./put.js").Put, "send">} Sender
 */

/**
 * Finds out why requests from this page to S3 fail.
 *
 * A script gets the same error (status 0) for CORS, CSP, DNS, TLS and a lost network. So after such failures, the
 * inquiry sends one request with the mode `no-cors`, which shows whether the browser reaches S3. Then it reports to our
 * server. The server tests S3 itself, and returns the causes that it has proved.
 *
 * While a proved cause lasts, requests to S3 wait. One request at a time is sent as a test, with backoff. When this
 * request succeeds, the other requests continue.
 *
 * @extends {Emitter<{change: string}>}
 */
export class Inquiry extends Emitter {
  #report;
  #clock;
  #page;
  #probe;
  #gate;
  /** @type {string[]} */
  #faults = [];
  /** @type {number | null} time of the first failure since the last success */
  #since = null;
  #askedAt = -Infinity;
  #refusals = 0;
  /** @type {Promise<void> | null} */
  #asking = null;

  /**
   * @param {{
   *   report: (report: Report) => Promise<{faults: string[], examining: boolean}>,
   *   clock: import("./clock.js").Clock,
   *   page: {origin: string, forbids: (origin: string) => boolean},
   *   probe?: (origin: string) => Promise<boolean>,
   * }} parts `forbids` returns whether the Content-Security-Policy has blocked a request to this origin. `probe`
   *   returns whether the browser reaches this origin.
   */
  constructor({ report, clock, page, probe = answers }) {
    super();
    this.#report = report;
    this.#clock = clock;
    this.#page = page;
    this.#probe = probe;
    this.#gate = new Connectivity({ onLine: false, clock });
  }

  /** Sentences about the proved cause and its remedy, or "" if no cause is proved. */
  get reason() {
    return this.#faults.length > 0 ? `${reasonOf(this.#faults, this.#page.origin)} ${adviceOf(this.#faults)}` : "";
  }

  /**
   * Return a sender that sends with `put`, and asks for the cause if requests fail.
   *
   * @param {Sender} put
   * @returns {Sender}
   */
  watch(put) {
    return { send: (request, body, options) => this.#send(put, request, body, options) };
  }

  /**
   * @param {Sender} put
   * @param {Parameters<Sender["send"]>} given
   */
  async #send(put, ...given) {
    const [request, body, options] = given;
    const { signal, onProgress } = options;
    for (;;) {
      await this.#gate.whenOnline(signal);
      const moved = (/** @type {number} */ sent) => {
        // The browser sends bytes only after a successful CORS preflight. So if it has sent bytes, the proved cause no
        // longer exists. The exception is `body_limit`, because a proxy may refuse a large body after some bytes.
        if (sent > 0 && !this.#faults.includes("body_limit")) this.#set([]);
        onProgress?.(sent);
      };
      try {
        await put.send(request, body, { ...options, onProgress: moved });
        this.#refusals = 0;
        return this.#answered();
      } catch (error) {
        if (!(error instanceof DeliveryError)) throw error;
        if (error.status > 0) {
          await this.#onAnswer(error, signal);
          throw error;
        }
        await this.#onSilence(error, request.url, body.size, signal);
        if (!this.#gate.offline) throw error;
      }
    }
  }

  /**
   * Handle an error response of S3. If S3 refused the request, ask the server for the cause and add it to the message.
   *
   * @param {DeliveryError} error
   * @param {AbortSignal} signal
   */
  async #onAnswer(error, signal) {
    this.#answered();
    const { code, status, storageCode } = error;
    if (code !== "expired" && code !== "refused" && storageCode !== "NoSuchBucket") return;
    this.#refusals += 1;
    // A single refusal may mean that the URL has expired. If S3 also refuses new URLs, there is another cause.
    if (code === "expired" && this.#refusals < 3) return;
    /** @type {Report} */
    const report = { seen: ["refused"], status, storage_code: /^[A-Za-z0-9.]{1,64}$/.test(storageCode) ? storageCode : undefined };
    const faults = await untilAborted(Promise.race([this.#ask(report), this.#clock.sleep(MAX_WAIT_MS)]), signal);
    if (!faults?.length) return;
    error.message = `${reasonOf(faults, this.#page.origin)} ${["S3 answered", status, storageCode].filter(Boolean).join(" ")}.`;
  }

  /**
   * @param {DeliveryError} error
   * @param {string} url
   * @param {number} byteSize
   * @param {AbortSignal} signal
   */
  async #onSilence(error, url, byteSize, signal) {
    if (error.code !== "network" && error.code !== "stalled") return;
    const now = this.#clock.now();
    this.#since ??= error.code === "stalled" ? -Infinity : now;
    if (now - this.#since < DOUBT_MS) return;
    if (!this.#asking && now - this.#askedAt >= REST_MS) {
      this.#askedAt = now;
      this.#asking = this.#inquire(new URL(url), byteSize).finally(() => (this.#asking = null));
    }
    // If a request that was sent as a test fails, it waits here until the inquiry in progress has ended. Other requests
    // fail at once and are retried later.
    if (this.#gate.offline && this.#asking) await untilAborted(this.#asking, signal);
  }

  /**
   * @param {URL} url
   * @param {number} byteSize
   */
  async #inquire({ origin }, byteSize) {
    await this.#clock.sleep(EVENT_MS);
    const seen = this.#ownSigns(origin);
    const isOwn = seen.length > 0;
    if (!isOwn) seen.push((await this.#probe(origin)) ? "blocked" : "unreachable");
    const found = await this.#ask({ seen, byte_size: byteSize });
    // If the server does not respond, use the causes that the browser itself has reported. If it has reported none, change nothing.
    if (!found) return this.#set(isOwn ? seen : this.#faults);
    // While the server looked for the cause, the network may have recovered, so test again.
    const isBack = found.includes("unreachable") && (await this.#probe(origin));
    this.#set(isBack ? [] : found);
  }

  /**
   * @param {string} origin
   * @returns {Sign[]} the causes that the browser itself reports
   */
  #ownSigns(origin) {
    /** @type {Sign[]} */
    const signs = [];
    if (this.#page.forbids(origin)) signs.push("policy");
    if (isMixed(this.#page.origin, new URL(origin))) signs.push("mixed_content");
    return signs;
  }

  /**
   * @param {Report} report
   * @returns {Promise<string[] | null>} null if the server gives no result
   */
  async #ask(report) {
    for (let asks = 0; asks < MAX_ASKS; asks += 1) {
      try {
        const { faults, examining } = await this.#report(report);
        if (!examining) return faults;
      } catch {
        return null;
      }
      await this.#clock.sleep(AGAIN_MS);
    }
    return null;
  }

  #answered() {
    this.#since = null;
    this.#set([]);
  }

  /** @param {string[]} faults */
  #set(faults) {
    if (faults.join() === this.#faults.join()) return;
    this.#faults = faults;
    if (faults.length > 0) this.#gate.unanswered();
    else this.#gate.answered();
    this.emit("change", this.reason);
  }
}

/**
 * Return whether the browser reaches S3. With `no-cors`, a missing CORS rule does not matter.
 *
 * @param {string} origin
 */
async function answers(origin) {
  try {
    await fetch(`${origin}/`, { mode: "no-cors", credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(REST_MS) });
    return true;
  } catch {
    return false;
  }
}

/**
 * Return whether the request is mixed content: an https page requests an http URL of another machine. Browsers block
 * such requests.
 *
 * @param {string} page
 * @param {URL} storage
 */
function isMixed(page, { protocol, hostname }) {
  const isOwn = hostname === "localhost" || hostname.endsWith(".localhost") || /^127\.|^\[::1\]$/.test(hostname);
  return page.startsWith("https:") && protocol === "http:" && !isOwn;
}
