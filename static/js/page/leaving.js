const STAYED_MS = 5_000;

/**
 * Knows whether the page is being left. Browsers then fail reads and writes in progress, although the files are intact.
 */
export class Leaving {
  #isNow = false;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #window;

  /** @param {Pick<Window, "addEventListener" | "removeEventListener"> | undefined} window undefined outside of a browser */
  constructor(window = globalThis.window) {
    this.#window = window;
    window?.addEventListener("pagehide", () => {
      this.#isNow = true;
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
      this.#isNow = true;
      clearTimeout(this.#timer);
      // The person may decide to stay. The timer does not run while the browser asks.
      this.#timer = setTimeout(() => this.#stay(), STAYED_MS);
    };
    return engine.on("active", (active) => {
      if (active) this.#window?.addEventListener("beforeunload", begin);
      else this.#window?.removeEventListener("beforeunload", begin);
    });
  }

  get isNow() {
    return this.#isNow;
  }

  /**
   * Run `act` now; if the page is being left, run it only if the page stays.
   *
   * @param {() => void} act
   */
  unless(act) {
    if (this.#isNow) this.#waiting.push(act);
    else act();
  }

  #stay() {
    this.#isNow = false;
    clearTimeout(this.#timer);
    for (const act of this.#waiting.splice(0)) act();
  }
}
