import { Clock } from "./clock.js";
import { Emitter } from "./emitter.js";
import { untilAborted } from "./abort.js";

const FIRST_PROBE_MS = 1_000;
const MAX_PROBE_MS = 30_000;

/**
 * Knows whether there is a network: the browser gives a hint, requests give the evidence.
 *
 * `navigator.onLine` is false behind some VPNs and virtual adapters although the network works, and no `online`
 * event may ever follow. So the page is offline only when the browser says so and a request has failed since.
 * While offline, one waiting request at a time is let through as a probe, with backoff. The first answer lets all
 * others go.
 *
 * @extends {Emitter<{online: void, offline: void}>}
 */
export class Connectivity extends Emitter {
  #clock;
  #hint;
  #hasFailed = false; // since the hint changed, or since the last answer
  #probeMs = FIRST_PROBE_MS;
  /** @type {Set<() => void>} requests that wait, oldest first */
  #waiting = new Set();
  #isTimed = false;

  /**
   * @param {{
   *   onLine?: boolean,
   *   listen?: (event: "online" | "offline", listener: () => void) => void,
   *   clock?: Clock,
   * }} [source] by default the browser; elsewhere always online
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

  /** Somebody at the other end has answered, be it with an error. */
  answered() {
    const wasOffline = this.offline;
    this.#hasFailed = false;
    if (wasOffline) this.#release();
  }

  /** A request got no answer. */
  unanswered() {
    if (this.#hint || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#probeMs = FIRST_PROBE_MS;
    this.emit("offline", undefined);
  }

  /**
   * Wait while offline, until the network is back or this request is the next probe.
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
   * Wait for the network to come back, even if it seems to be there now.
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

  /** Let everybody go. */
  #release() {
    for (const go of this.#waiting) go();
    this.#waiting.clear();
    this.emit("online", undefined);
  }

  /** Let the first go after a while, and so on for as long as somebody waits. */
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
