import { Connectivity } from "./connectivity.js";
import { DeliveryError } from "./errors.js";
import { Emitter } from "./emitter.js";
import { adviceOf, reasonOf } from "./fault-words.js";
import { untilAborted } from "./abort.js";

const DOUBT_MS = 500; // a single lost connection starts no inquiry
const EVENT_MS = 100; // the browser reports a policy violation only after the request has failed
const REST_MS = 5_000;
const AGAIN_MS = 2_000;
const MAX_ASKS = 4;
const MAX_WAIT_MS = 6_000; // longest time that a refused upload waits for the cause before it fails

/**
 * @typedef {"blocked" | "unreachable" | "refused" | "policy" | "mixed_content"} Sign
 * @typedef {{seen: Sign[], byte_size?: number, status?: number, storage_code?: string}} Report
 * @typedef {Pick<import("./put.js").Put, "send">} Sender
 */

/**
 * Finds out why S3 does not answer this page, and holds requests back while a proved cause lasts.
 *
 * A browser reports status 0 for CORS, CSP, DNS, TLS and a lost network alike. So a failed request is followed by a
 * request without CORS, which shows whether S3 answers at all. Then a report goes to the server, which examines its
 * own endpoint. Only causes that the browser or the server has proved are named.
 *
 * While a cause lasts, one request at a time is sent as a test, with backoff. The first success releases the others.
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
  /** @type {number | null} when the failures began */
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
   * }} parts `forbids`: whether the page's policy has stopped a request to that origin; `probe`: replaced in tests
   */
  constructor({ report, clock, page, probe = answers }) {
    super();
    this.#report = report;
    this.#clock = clock;
    this.#page = page;
    this.#probe = probe;
    this.#gate = new Connectivity({ onLine: false, clock });
  }

  /** Sentences that say why this page cannot send, or "" if no cause is proved. */
  get reason() {
    return this.#faults.length > 0 ? `${reasonOf(this.#faults, this.#page.origin)} ${adviceOf(this.#faults)}` : "";
  }

  /**
   * Return a sender that sends with `put` and inquires into the cause of failures.
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
    const [request, body, { signal, onProgress }] = given;
    for (;;) {
      await this.#gate.whenOnline(signal);
      const moved = (/** @type {number} */ sent) => {
        // The browser reads the body only after CORS has admitted the request. A proxy may still refuse its size.
        if (sent > 0 && !this.#faults.includes("body_limit")) this.#set([]);
        onProgress?.(sent);
      };
      try {
        await put.send(request, body, { signal, onProgress: moved });
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
   * Handle an error answer of S3: ask the server for the cause and put it into the error's message.
   *
   * @param {DeliveryError} error
   * @param {AbortSignal} signal
   */
  async #onAnswer(error, signal) {
    this.#answered();
    const { code, status, storageCode } = error;
    if (code !== "expired" && code !== "refused" && storageCode !== "NoSuchBucket") return;
    this.#refusals += 1;
    // S3 also refuses an expired URL, so only repeated refusals of new URLs are a fault.
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
    // A request that was sent as a test waits for the inquiry. Other requests have their own retries.
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
    // Without an answer of the server, only the browser's own signs count.
    if (!found) return this.#set(isOwn ? seen : this.#faults);
    // The network may be back by now.
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
 * Return whether S3 gives any answer to a request without CORS.
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
 * Whether the browser blocks the request as mixed content: from an https page to an http address that is not local.
 *
 * @param {string} page
 * @param {URL} storage
 */
function isMixed(page, { protocol, hostname }) {
  const isOwn = hostname === "localhost" || hostname.endsWith(".localhost") || /^127\.|^\[::1\]$/.test(hostname);
  return page.startsWith("https:") && protocol === "http:" && !isOwn;
}
