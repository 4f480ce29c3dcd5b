import { FairQueue } from "./fair-queue.js";
import { Growth } from "./growth.js";
import { Pace } from "./pace.js";

const CALM_MS = 2_000; // several calls of `pushBack` within this time count as one

/**
 * @typedef {{size: number, host: string, stop: () => void, start: (flight: import("./pace.js").Flight) => void}} Waiting
 * @typedef {{moved: (sent: number) => void, delivered: () => void, signal: AbortSignal}} Report
 *   `sent`: bytes of this body that were sent so far. `signal` aborts with Stopped if the body must stop, so that other
 *   bodies are sent first.
 */

/** The error of a body that `Pace` has stopped, so that other bodies are sent first. The body must be sent again. */
export class Stopped extends Error {}

/**
 * Limits how many bodies are sent at the same time. A body is the content of one PUT, and a lane is a permitted
 * parallel connection. Files take turns, and large bodies leave one lane to small bodies.
 *
 * If S3 asks for fewer requests or a connection stalls, the number of lanes is halved. With n lanes, the number grows by
 * one after n successful bodies in a row. `Pace` decides from the speed how many lanes large bodies use.
 *
 * A browser opens a limited number of connections to one host. If the bucket has several hosts, `Growth` decides from
 * the speed whether more lanes are used. Each host has at most `max` lanes.
 */
export class Lanes {
  #clock;
  #max;
  #limit;
  #pace;
  #growth;
  #active = 0;
  #large = 0; // large bodies in flight
  /** @type {Map<string, number>} bodies in flight by host */
  #busy = new Map();
  #good = 0;
  #pushedBackAt = -Infinity;
  /** @type {FairQueue<Waiting>} */
  #queue = new FairQueue();

  /**
   * @param {{
   *   clock: import("./clock.js").Clock, max?: number, hosts?: number, lineMemory?: {isFast: boolean}, pace?: Pace,
   * }} parts
   */
  constructor({ clock, max = 6, hosts = 1, lineMemory, pace = new Pace({ clock, memory: lineMemory }) }) {
    this.#clock = clock;
    this.#max = max;
    this.#limit = max;
    this.#pace = pace;
    this.#growth = new Growth({ clock, step: max, hosts });
  }

  get limit() {
    return this.#limit;
  }

  get active() {
    return this.#active;
  }

  /** True if a body waits for a lane. */
  get crowded() {
    return !this.#queue.isEmpty;
  }

  /**
   * Wait until a lane is free, `Pace` allows one more body, and it is the turn of `owner`. Then run `task`, and return
   * its result.
   *
   * @template T
   * @param {object} owner
   * @param {AbortSignal} signal ends the wait for a lane
   * @param {(report: Report) => Promise<T>} task sends the body, and reports its progress
   * @param {{size?: number, host?: string}} [body] its size in bytes, and the host to which it is sent
   * @returns {Promise<T>}
   */
  async run(owner, signal, task, { size = 0, host = "" } = {}) {
    const room = new AbortController();
    const flight = await this.#enter(owner, signal, { size, host, stop: () => room.abort(new Stopped()) });
    let before = 0;
    try {
      signal.throwIfAborted();
      return await task({
        moved: (sent) => {
          this.#grow(sent - before, size);
          before = sent;
          this.#pace.moved(flight, sent);
          this.#fill();
        },
        delivered: () => this.#delivered(),
        signal: Pace.isLarge(size) ? AbortSignal.any([signal, room.signal]) : signal, // Pace stops only large bodies
      });
    } finally {
      this.#pace.end(flight);
      this.#active -= 1;
      if (Pace.isLarge(size)) this.#large -= 1;
      this.#busy.set(host, this.#busyAt(host) - 1);
      this.#fill();
    }
  }

  /** Halve the number of lanes, because S3 asked for fewer requests or a connection stalled. */
  pushBack() {
    this.#good = 0;
    const now = this.#clock.now();
    if (now - this.#pushedBackAt < CALM_MS) return;
    this.#pushedBackAt = now;
    this.#growth.shrink();
    this.#limit = Math.max(1, Math.floor(Math.min(this.#limit, this.#max) / 2));
  }

  /**
   * @param {number} bytes that were just sent
   * @param {number} size of their body
   */
  #grow(bytes, size) {
    const { isLimited } = this.#pace;
    if (this.#growth.moved(bytes, { active: this.#active, size, isLimited })) this.#limit = this.#growth.limit;
  }

  /** @param {string} host */
  #busyAt(host) {
    return this.#busy.get(host) ?? 0;
  }

  #delivered() {
    this.#good += 1;
    if (this.#good < this.#limit) return;
    this.#good = 0;
    this.#limit = Math.min(this.#growth.limit, this.#limit + 1);
  }

  /**
   * @param {object} owner
   * @param {AbortSignal} signal
   * @param {Pick<Waiting, "size" | "host" | "stop">} body
   * @returns {Promise<import("./pace.js").Flight>}
   */
  #enter(owner, signal, body) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abort = () => {
        this.#queue.remove(owner, waiting);
        reject(signal.reason);
      };
      /** @type {Waiting} */
      const waiting = {
        ...body,
        start: (flight) => {
          signal.removeEventListener("abort", abort);
          resolve(flight);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.add(owner, waiting);
      this.#fill();
    });
  }

  #fill() {
    while (this.#active < this.#limit) {
      const { hasRoom } = this.#pace;
      const mayStart = (/** @type {Waiting} */ { size, host }) => (hasRoom || !Pace.isLarge(size)) && this.#busyAt(host) < this.#max;
      // While small bodies wait, large bodies leave one lane to them. Otherwise each small body would wait for a large one.
      const isLastLane = this.#large > 0 && this.#large >= this.#limit - 1;
      const small = isLastLane ? this.#queue.take((waiting) => !Pace.isLarge(waiting.size) && mayStart(waiting)) : undefined;
      const next = small ?? this.#queue.take(mayStart);
      if (!next) return;
      this.#active += 1;
      if (Pace.isLarge(next.size)) this.#large += 1;
      this.#busy.set(next.host, this.#busyAt(next.host) + 1);
      next.start(this.#pace.begin(next.size, next.stop));
    }
  }
}
