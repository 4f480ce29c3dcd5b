import { inSlices } from "./slices.js";

/** @typedef {import("./chosen.js").Item} Item */

/** Passes chosen files to the engine, in short slices of time. Passing thousands at once would freeze the page. */
export class Launch {
  #transfers;
  #waiting = { files: 0, bytes: 0 };
  #isPaused = false;
  #visit = 0;

  /** @param {Pick<import("../transfers.js").Transfers, "send" | "pauseAll" | "resumeAll">} transfers */
  constructor(transfers) {
    this.#transfers = transfers;
  }

  /** Number of files that the engine has not received yet, and the sum of their bytes. */
  get waiting() {
    return this.#waiting;
  }

  get isRunning() {
    return this.#waiting.files > 0;
  }

  /** @param {Item[]} items */
  async send(items) {
    const visit = this.#visit;
    this.#waiting.files += items.length;
    this.#waiting.bytes += items.reduce((sum, { file }) => sum + file.size, 0);
    const isOver = () => visit !== this.#visit;
    await inSlices(
      items,
      (item) => {
        this.#waiting.files -= 1;
        this.#waiting.bytes -= item.file.size;
        this.#transfers.send(item, { isPaused: this.#isPaused });
      },
      { isOver },
    );
  }

  pause() {
    this.#isPaused = true;
    this.#transfers.pauseAll();
  }

  resume() {
    this.#isPaused = false;
    this.#transfers.resumeAll();
  }

  /** Drop the waiting files, so that the engine does not get them. */
  end() {
    this.#visit += 1;
    this.#waiting = { files: 0, bytes: 0 };
    this.#isPaused = false;
  }
}
