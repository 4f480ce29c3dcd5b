const STAYED_MS = 5_000;

/**
 * Knows whether the page is being left: browsers then fail reads and writes in progress, and that says nothing about
 * the files.
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
   * Listen to `beforeunload` while uploads are in progress: WebKit fails reads before it says `pagehide`.
   *
   * The listener is there only while needed, since it would keep the page out of the back/forward cache.
   *
   * @param {Pick<import("../engine/engine.js").Engine, "on">} engine
   */
  follow(engine) {
    const begin = () => {
      this.#isNow = true;
      clearTimeout(this.#timer);
      // The person may stay. The timer stands still while the browser asks.
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
   * Run `act` now, or when it turns out that the page stays.
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
