const STAYED_MS = 5_000;

/**
 * Detects that the person is leaving the page. Browsers then fail all reads and writes in progress, even if the files
 * are readable. So the page ignores these errors.
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
   * Listen to `beforeunload` while uploads are in progress. The event `pagehide` would be too late, because in WebKit
   * reads fail before it.
   *
   * Without uploads, do not listen, because browsers do not keep a page with this listener in their cache for the back
   * button.
   *
   * @param {Pick<import("../engine/engine.js").Engine, "on">} engine
   */
  follow(engine) {
    const begin = () => {
      this.#isLeaving = true;
      clearTimeout(this.#timer);
      // If the person stays on the page, the timer resets the state. It does not run while the browser's question is open.
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
   * Run `act`. If the person is leaving the page, wait, and run `act` only if the person stays on the page.
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
