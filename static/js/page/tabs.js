import { NoAnswer, within } from "../engine/time-limit.js";
import { randomHex } from "../engine/random-hex.js";

const UPLOAD = "slipway-upload-";
const TAB = "slipway-tab-";
const ADOPTION = "slipway-adoption";
const ANSWER_MS = 2_000;
const HELD_IN = new Set(["queued", "sending", "paused", "checking"]);

/**
 * @typedef {import("../engine/upload.js").Upload} Upload
 * @typedef {{ids: Set<string>, release: () => void}} Held a lock for one upload, or for several uploads that started
 *   together; `ids`: the upload ids
 */

/**
 * Detects which tabs of this browser are open and which uploads they send. Each tab requests Web Locks for itself and
 * for its uploads. The browser releases the locks when the tab closes, and tells other tabs which locks exist.
 *
 * Without Web Locks, or if the browser does not respond, a tab cannot detect other tabs. Then the page stores no files
 * for the next visit, and shows uploads of other tabs as unfinished.
 */
export class Tabs {
  #locks;
  #isSilent = false; // true after the browser did not respond; while this is true, all calls fail at once
  /** @type {Map<string, Held>} the locks of this tab, by upload id */
  #held = new Map();
  /** @type {Held | null} the lock that the next uploads will share; the tab has not requested it from the browser yet */
  #joining = null;

  /** @param {Pick<LockManager, "request" | "query"> | undefined} locks undefined without HTTPS or in old browsers */
  constructor(locks) {
    this.#locks = locks;
    this.id = randomHex();
    this.#opened = this.#take(TAB + this.id);
    this.#opened.catch(() => {});
  }

  /** @type {Promise<unknown>} */
  #opened;

  /** @returns {Promise<boolean>} whether this tab can detect other tabs */
  areKnown() {
    return this.#answer(() => this.#opened).then(
      () => true,
      () => false,
    );
  }

  /**
   * Hold locks for the uploads in progress, so that no other tab continues or completes them.
   *
   * Uploads that start together share a lock. Requesting a lock for each of thousands of small files would take as long
   * as sending them. The tab releases a lock after the last of its uploads has ended.
   *
   * @param {Pick<import("../engine/engine.js").Engine, "on">} engine
   */
  follow(engine) {
    return engine.on("added", ({ upload }) => {
      let held = "";
      const check = () => {
        const id = (HELD_IN.has(upload.state) && upload.record?.id) || "";
        if (id === held) return;
        if (held) this.#release(held);
        if (id) this.#hold(id);
        held = id;
      };
      upload.on("state", check);
      upload.on("started", check);
      check();
    });
  }

  /** @returns {Promise<Set<string>>} the ids of uploads that other tabs are sending */
  async elsewhere() {
    const names = await this.#named(UPLOAD).catch(() => []);
    const ids = names.flatMap((name) => name.split(","));
    return new Set(ids.filter((id) => !this.#held.has(id)));
  }

  /** @returns {Promise<Set<string>>} the ids of all open tabs, including this tab; throws if this tab cannot detect other tabs */
  async alive() {
    await this.#answer(() => this.#opened);
    return new Set(await this.#named(TAB));
  }

  /**
   * Run `act` under a lock, so that only one tab at a time runs it. Throw an error without Web Locks.
   *
   * @param {() => Promise<void>} act
   */
  async alone(act) {
    await this.#answer(() => this.#opened);
    const release = await this.#answer(
      () => this.#take(ADOPTION, {}),
      (tooLate) => tooLate(),
    );
    try {
      await act();
    } finally {
      release();
    }
  }

  /**
   * Return the names of all held locks that begin with `prefix`, without the prefix.
   *
   * @param {string} prefix
   */
  async #named(prefix) {
    const { held = [] } = await this.#answer(async () => (await this.#locks?.query()) ?? {});
    return held.flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  }

  /** @param {string} id */
  #hold(id) {
    if (this.#held.has(id)) return;
    const joining = this.#joining;
    /** @type {Held} */
    const held = joining ?? { ids: new Set(), release: () => {} };
    held.ids.add(id);
    this.#held.set(id, held);
    if (joining) return;
    // This upload gets its own lock at once. Uploads that start before the timer below fires share the next lock.
    void this.#lock(held);
    /** @type {Held} */
    const next = (this.#joining = { ids: new Set(), release: () => {} });
    setTimeout(() => {
      this.#joining = null;
      if (next.ids.size > 0) void this.#lock(next);
    });
  }

  /** @param {Held} held */
  async #lock(held) {
    // The uploads do not wait for their lock, so they may all have ended before the browser grants it.
    const release = await this.#take(UPLOAD + [...held.ids].join(",")).catch(() => () => {});
    if (held.ids.size === 0) release();
    else held.release = release;
  }

  /** @param {string} id */
  #release(id) {
    const held = this.#held.get(id);
    this.#held.delete(id);
    held?.ids.delete(id);
    if (held?.ids.size === 0) held.release();
  }

  /**
   * @param {string} name
   * @param {LockOptions} [options] default: do not wait if another tab holds the lock
   * @returns {Promise<() => void>} a function that releases the lock; it does nothing if another tab holds the lock
   */
  #take(name, options = { ifAvailable: true }) {
    return new Promise((resolve, reject) => {
      if (!this.#locks) throw new Error("This browser has no locks.");
      this.#locks
        .request(name, options, (lock) => {
          if (lock) return new Promise((release) => resolve(() => release(undefined)));
          resolve(() => {});
        })
        .catch(reject);
    });
  }

  /**
   * Return the result of a call of the browser. Throw NoAnswer if the browser does not respond in time.
   *
   * @template T
   * @param {() => Promise<T>} ask
   * @param {(answer: T) => void} [late] gets a result that comes after the timeout
   * @returns {Promise<T>}
   */
  async #answer(ask, late = () => {}) {
    if (this.#isSilent) throw new NoAnswer(ANSWER_MS);
    try {
      return await within(ANSWER_MS, ask, (answer) => {
        this.#isSilent = false;
        late(answer);
      });
    } catch (error) {
      if (error instanceof NoAnswer) this.#isSilent = true;
      throw error;
    }
  }
}
