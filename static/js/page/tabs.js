import { NoAnswer, within } from "../engine/time-limit.js";

const UPLOAD = "slipway-upload-";
const TAB = "slipway-tab-";
const ADOPTION = "slipway-adoption";
const ANSWER_MS = 2_000;
const HELD_IN = new Set(["queued", "sending", "paused", "checking"]);

/**
 * @typedef {import("../engine/upload.js").Upload} Upload
 * @typedef {{ids: Set<string>, release: () => void}} Held a lock for one upload, or for many that started together
 */

/**
 * Distinguishes the tabs of this browser by Web Locks, which the browser releases when a tab closes.
 *
 * If the browser has no locks or does not answer, tabs cannot be told apart. Then nothing is kept for the next visit,
 * and uploads of other tabs look unfinished.
 */
export class Tabs {
  #locks;
  #isSilent = false; // the browser did not answer; later calls fail at once
  /** @type {Map<string, Held>} by the server's id */
  #held = new Map();
  /** @type {Held | null} a lock not yet requested, which uploads that start in this moment join */
  #joining = null;

  /** @param {Pick<LockManager, "request" | "query"> | undefined} locks undefined if the browser has none, as on plain http */
  constructor(locks) {
    this.#locks = locks;
    this.id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.#opened = this.#take(TAB + this.id);
    this.#opened.catch(() => {});
  }

  /** @type {Promise<unknown>} */
  #opened;

  /** @returns {Promise<boolean>} whether tabs can be told apart here */
  areKnown() {
    return this.#answer(() => this.#opened).then(
      () => true,
      () => false,
    );
  }

  /**
   * Hold a lock for the uploads in progress, so that other tabs leave them alone.
   *
   * Uploads that start together share a lock, because a lock for each of thousands of small files would take as long as
   * sending them. The lock is released when the last of these uploads has ended.
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
      upload.on("progress", check);
      check();
    });
  }

  /** @returns {Promise<Set<string>>} the server's ids of uploads that other tabs are sending */
  async elsewhere() {
    const names = await this.#named(UPLOAD).catch(() => []);
    const ids = names.flatMap((name) => name.split(","));
    return new Set(ids.filter((id) => !this.#held.has(id)));
  }

  /** @returns {Promise<Set<string>>} the ids of all open tabs, including this tab; throws if tabs cannot be told apart */
  async alive() {
    await this.#answer(() => this.#opened);
    return new Set(await this.#named(TAB));
  }

  /**
   * Run `act` while no other tab does the same. Throws if tabs cannot be told apart.
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

  /** @param {string} prefix */
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
    // The first upload gets a lock at once. The uploads that start in the same moment share the next lock.
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
    // Nothing waits for the lock, so all of its uploads may have ended before the browser grants it.
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
   * @param {LockOptions} [options] by default, do not wait for a lock that another tab has
   * @returns {Promise<() => void>} releases the lock; does nothing if another tab has it
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
   * @template T
   * @param {() => Promise<T>} ask
   * @param {(answer: T) => void} [late]
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
