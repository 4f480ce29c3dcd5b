const UPLOAD = "slipway-upload-";
const TAB = "slipway-tab-";
const ADOPTION = "slipway-adoption";
const HELD_IN = new Set(["queued", "sending", "paused", "checking"]);

/** @typedef {import("../engine/upload.js").Upload} Upload */

/** Tells the tabs of this browser apart, by Web Locks: the browser gives them back when a tab dies. */
export class Tabs {
  #locks;
  /** @type {Map<string, () => void>} by the server's id */
  #held = new Map();

  /** @param {Pick<LockManager, "request" | "query"> | undefined} locks undefined where the browser has none, as on plain http */
  constructor(locks) {
    this.#locks = locks;
    this.id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.#opened = locks ? this.#take(TAB + this.id).then(() => {}) : Promise.resolve();
  }

  /** @type {Promise<void>} */
  #opened;

  /** Whether tabs can be told apart here. */
  get areKnown() {
    return Boolean(this.#locks);
  }

  /**
   * Hold a lock for each upload under way, so that other tabs leave it alone.
   *
   * @param {Pick<import("../engine/engine.js").Engine, "on">} engine
   */
  follow(engine) {
    return engine.on("added", ({ upload }) => {
      let held = "";
      const look = () => {
        const id = (HELD_IN.has(upload.state) && upload.record?.id) || "";
        if (id === held) return;
        if (held) this.#release(held);
        if (id) void this.#hold(id);
        held = id;
      };
      upload.on("state", look);
      upload.on("progress", look);
      look();
    });
  }

  /** @returns {Promise<Set<string>>} the server's ids of uploads that another tab is busy with */
  async elsewhere() {
    const ids = await this.#named(UPLOAD);
    return new Set(ids.filter((id) => !this.#held.has(id)));
  }

  /** @returns {Promise<Set<string>>} the ids of all open tabs, this one too */
  async alive() {
    await this.#opened;
    return new Set(await this.#named(TAB));
  }

  /**
   * Run `act` while no other tab does the same.
   *
   * @param {() => Promise<void>} act
   */
  async alone(act) {
    await this.#opened;
    await this.#locks?.request(ADOPTION, act);
  }

  /** @param {string} prefix */
  async #named(prefix) {
    const { held = [] } = (await this.#locks?.query()) ?? {};
    return held.flatMap(({ name }) => (name?.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  }

  /** @param {string} id */
  async #hold(id) {
    if (!this.#locks || this.#held.has(id)) return;
    let isOver = false;
    this.#held.set(id, () => (isOver = true));
    const release = await this.#take(UPLOAD + id);
    if (isOver) release();
    else this.#held.set(id, release);
  }

  /** @param {string} id */
  #release(id) {
    const release = this.#held.get(id);
    this.#held.delete(id);
    release?.();
  }

  /**
   * @param {string} name
   * @returns {Promise<() => void>} gives the lock back; where another tab has it, there is nothing to give back
   */
  #take(name) {
    return new Promise((resolve) => {
      const nothing = () => resolve(() => {});
      this.#locks
        ?.request(name, { ifAvailable: true }, (lock) => {
          if (lock) return new Promise((release) => resolve(() => release(undefined)));
          nothing();
        })
        .catch(nothing);
    });
  }
}
