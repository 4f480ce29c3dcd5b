import { Emitter } from "./emitter.js";
import { untilAborted } from "./abort.js";

/**
 * Knows whether there is a network, as far as the browser can tell.
 *
 * "Online" is a hope, "offline" a fact: nothing is sent while offline.
 *
 * @extends {Emitter<{online: void, offline: void}>}
 */
export class Connectivity extends Emitter {
  #online;

  /**
   * @param {{
   *   onLine?: boolean,
   *   listen?: (event: "online" | "offline", listener: () => void) => void,
   * }} [source] by default the browser; elsewhere always online
   */
  constructor({ onLine, listen } = browserSource()) {
    super();
    this.#online = onLine ?? true;
    listen?.("online", () => this.#become(true));
    listen?.("offline", () => this.#become(false));
  }

  get online() {
    return this.#online;
  }

  /**
   * @param {AbortSignal} [signal]
   * @returns {Promise<void>}
   */
  async whenOnline(signal) {
    if (this.#online) return;
    await this.nextOnline(signal);
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

  /** @param {boolean} online */
  #become(online) {
    if (this.#online === online) return;
    this.#online = online;
    this.emit(online ? "online" : "offline", undefined);
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
