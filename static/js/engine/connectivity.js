import { Clock } from "./clock.js";
import { Emitter } from "./emitter.js";
import { untilAborted } from "./abort.js";

const FIRST_PROBE_MS = 1_000;
const MAX_PROBE_MS = 30_000;

/**
 * Knows whether there is a network, from the browser's hint and from the results of requests.
 *
 * `navigator.onLine` is false behind some VPNs and virtual adapters although the network works, and an `online`
 * event may never follow. So the page is offline only if the browser says so and a request has failed since then.
 * While offline, one waiting request at a time is sent as a probe, with backoff. The first answer releases all
 * other requests.
 *
 * @extends {Emitter<{online: void, offline: void}>}
 */
export class Connectivity extends Emitter {
  #clock;
  #hint;
  #hasFailed = false; // whether a request has failed since the hint changed or since the last answer
  #probeMs = FIRST_PROBE_MS;
  /** @type {Set<() => void>} waiting requests, oldest first */
  #waiting = new Set();
  #isTimed = false;

  /**
   * @param {{
   *   onLine?: boolean,
   *   listen?: (event: "online" | "offline", listener: () => void) => void,
   *   clock?: Clock,
   * }} [source] by default the browser; outside of a browser always online
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

  /** Note that a server has answered. An error is an answer too. */
  answered() {
    const wasOffline = this.offline;
    this.#hasFailed = false;
    if (wasOffline) this.#release();
  }

  /** Note that a request got no answer. */
  unanswered() {
    if (this.#hint || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#probeMs = FIRST_PROBE_MS;
    this.emit("offline", undefined);
  }

  /**
   * While offline, wait until the network is back or until this request is the next probe.
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

  /** Release all waiting requests. */
  #release() {
    for (const go of this.#waiting) go();
    this.#waiting.clear();
    this.emit("online", undefined);
  }

  /** Release the oldest request after a delay, and repeat while requests wait. */
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
