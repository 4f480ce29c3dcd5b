const STAYED_MS = 5_000;

/**
 * Knows whether the page is being left. Browsers then fail reads and writes in progress, although the files are intact.
 */
export class PageExit {
  #isLeaving = false;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #window;

  /** @param {Pick<Window, "addEventListener" | "removeEventListener"> | undefined} window undefined outside of a browser */
  constructor(window = globalThis.window) {
    this.#window = window;
    window?.addEventListener("pagehide", () => {
      this.#isLeaving = true;
      clearTimeout(this.#timer);
    });
    window?.addEventListener("pageshow", () => this.#stay());
  }

  /**
   * Listen to `beforeunload` while uploads are in progress, because WebKit fails reads before `pagehide`.
   *
   * The listener exists only during uploads, because it keeps the page out of the back/forward cache.
   *
   * @param {Pick<import("../engine/engine.js").Engine, "on">} engine
   */
  follow(engine) {
    const begin = () => {
      this.#isLeaving = true;
      clearTimeout(this.#timer);
      // The person may decide to stay. The timer does not run while the browser asks.
      this.#timer = setTimeout(() => this.#stay(), STAYED_MS);
    };
    return engine.on("active", (active) => {
      if (active) this.#window?.addEventListener("beforeunload", begin);
      else this.#window?.removeEventListener("beforeunload", begin);
    });
  }

  get isLeaving() {
    return this.#isLeaving;
  }

  /**
   * Run `act` now; if the page is being left, run it only if the page stays.
   *
   * @param {() => void} act
   */
  unlessLeaving(act) {
    if (this.#isLeaving) this.#waiting.push(act);
    else act();
  }

  #stay() {
    this.#isLeaving = false;
    clearTimeout(this.#timer);
    for (const act of this.#waiting.splice(0)) act();
  }
}
