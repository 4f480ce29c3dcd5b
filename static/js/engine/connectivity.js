import { Clock } from "./clock.js";
import { Emitter } from "./emitter.js";
import { untilAborted } from "./abort.js";

const FIRST_PROBE_MS = 1_000;
const MAX_PROBE_MS = 30_000;

/**
 * Detects whether the network works, from `navigator.onLine` and from the results of requests.
 *
 * With some VPNs, `navigator.onLine` is always false, although the network works. So `offline` is true only if the
 * browser reports `offline` and a request has failed since this report. While `offline` is true, requests wait. One
 * request at a time is sent as a test, with backoff. When a server responds, all other requests continue.
 *
 * @extends {Emitter<{online: void, offline: void}>}
 */
export class Connectivity extends Emitter {
  #clock;
  #hint;
  #hasFailed = false; // true if a request failed after the last response and after the last change of `navigator.onLine`
  #probeMs = FIRST_PROBE_MS;
  /** @type {Set<() => void>} waiting requests, oldest first */
  #waiting = new Set();
  #isTimed = false;

  /**
   * @param {{
   *   onLine?: boolean,
   *   listen?: (event: "online" | "offline", listener: () => void) => void,
   *   clock?: Clock,
   * }} [source] default: the browser's values; without a browser, always online
   */
  constructor({ onLine, listen, clock = new Clock() } = browserSource()) {
    super();
    this.#clock = clock;
    this.#hint = onLine ?? true;
    listen?.("online", () => this.#hinted(true));
    listen?.("offline", () => this.#hinted(false));
  }

  get offline() {
    return !this.#hint && this.#hasFailed;
  }

  /** Record that a server has sent a response, with any status. */
  answered() {
    const wasOffline = this.offline;
    this.#hasFailed = false;
    if (wasOffline) this.#release();
  }

  /** Record that a request failed without a response. */
  unanswered() {
    if (this.#hint || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#probeMs = FIRST_PROBE_MS;
    this.emit("offline", undefined);
  }

  /**
   * While offline, wait until the network works again, or until this request may be sent as a test.
   *
   * @param {AbortSignal} [signal]
   * @returns {Promise<void>}
   */
  async whenOnline(signal) {
    if (!this.offline) return;
    let go = () => {};
    const turn = new Promise((resolve) => {
      go = () => resolve(undefined);
    });
    this.#waiting.add(go);
    this.#plan();
    await untilAborted(turn, signal).finally(() => this.#waiting.delete(go));
  }

  /**
   * Wait for the next `online` event, even if the page is online now.
   *
   * @param {AbortSignal} [signal]
   * @returns {Promise<void>}
   */
  async nextOnline(signal) {
    let stop = () => {};
    const online = new Promise((resolve) => {
      stop = this.on("online", () => resolve(undefined));
    });
    await untilAborted(online, signal).finally(() => stop());
  }

  /** @param {boolean} hint */
  #hinted(hint) {
    if (this.#hint === hint) return;
    this.#hint = hint;
    this.#hasFailed = false;
    if (hint) this.#release();
  }

  /** Let all waiting requests continue. */
  #release() {
    for (const go of this.#waiting) go();
    this.#waiting.clear();
    this.emit("online", undefined);
  }

  /** After a delay, let the oldest request continue as a test. Repeat this while requests wait. */
  #plan() {
    if (this.#isTimed || this.#waiting.size === 0) return;
    this.#isTimed = true;
    this.#clock.after(this.#probeMs, () => {
      this.#isTimed = false;
      this.#probeMs = Math.min(2 * this.#probeMs, MAX_PROBE_MS);
      const [first] = this.#waiting;
      if (first) this.#waiting.delete(first);
      first?.();
      this.#plan();
    });
  }
}

function browserSource() {
  if (typeof window === "undefined") return {};
  return {
    onLine: navigator.onLine,
    /** @type {(event: "online" | "offline", listener: () => void) => void} */
    listen: (event, listener) => window.addEventListener(event, listener),
  };
}
