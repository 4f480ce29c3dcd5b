import { fileKey, sameContent } from "./same-file.js";
import { serviceOf, within } from "../../engine/time-limit.js";

/**
 * @typedef {import("./chosen.js").Item} Item
 * @typedef {{question: string, user: string, files: string[]}} Question
 *   `question`: an id; `user`: the id of the logged-in user; `files`: the `fileKey` of each file
 * @typedef {{answer: string, tab: string, files: [number, Blob[]][]}} Answer
 *   `answer`: the id of the question. `files`: pairs. Each pair has an index in the question's `files`, and the files that
 *   the answering tab is sending with the `fileKey` at this index.
 */

const CHANNEL = "slipway-files";
const WAIT_MS = 10_000; // on a busy machine, a tab may need some seconds to answer
const WAIT_WITHOUT_LOCKS_MS = 250;

/** Asks the other tabs of this browser over a BroadcastChannel which files they are sending. Answers their questions. */
export class OtherTabs {
  #channel;
  #tabs;
  #user;
  #waitMs;
  /** @type {Map<string, (answer: Answer) => void>} */
  #asking = new Map();

  /**
   * @param {{
   *   tabs: Pick<import("../tabs.js").Tabs, "id" | "alive">,
   *   user: string,
   *   sending: (key: string) => Blob[],
   *   channel?: BroadcastChannel,
   *   waitMs?: number,
   * }} parts `sending` returns the files with this `fileKey` that this tab is sending. `waitMs`: timeout for the
   *   answers
   */
  constructor({ tabs, user, sending, channel = serviceOf(() => new BroadcastChannel(CHANNEL)), waitMs = WAIT_MS }) {
    this.#channel = channel;
    this.#tabs = tabs;
    this.#user = user;
    this.#waitMs = waitMs;
    channel?.addEventListener("message", ({ data }) => {
      if (data.answer) this.#asking.get(data.answer)?.(data);
      else if (data.question) this.#answer(data, sending);
    });
  }

  /**
   * Find the items whose bytes another tab is already sending.
   *
   * @param {Item[]} items
   * @returns {Promise<{same: Set<number>, isWhole: boolean}>} `same`: the indexes of these items; `isWhole`: whether
   *   all other tabs answered
   */
  async sendingAlready(items) {
    const others = items.length > 0 ? await this.#others() : 0;
    /** @type {Set<number>} */
    const same = new Set();
    if (others === 0 || !this.#channel) return { same, isWhole: others === 0 };
    const answers = await this.#ask(items.map(fileKey), others);
    for (const { files } of answers) {
      for (const [index, blobs] of files) {
        for (const blob of blobs) if (await sameContent(items[index].file, blob)) same.add(index);
      }
    }
    return { same, isWhole: answers.length >= others };
  }

  /**
   * @param {Question | Answer} message
   * @returns {boolean} whether the browser accepted the message. If not, two tabs may send the same file.
   */
  #tell(message) {
    return serviceOf(() => (this.#channel?.postMessage(message), true)) ?? false;
  }

  /** @returns {Promise<number>} number of other open tabs, or Infinity if this tab cannot detect other tabs */
  async #others() {
    const alive = await within(this.#waitMs, () => this.#tabs.alive()).catch(() => null);
    return alive ? [...alive].filter((id) => id !== this.#tabs.id).length : Infinity;
  }

  /**
   * @param {string[]} files
   * @param {number} others number of tabs to wait for
   * @returns {Promise<Answer[]>} the answers that arrived before the timeout
   */
  #ask(files, others) {
    const question = `${this.#tabs.id}-${Math.random()}`;
    /** @type {Answer[]} */
    const answers = [];
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#asking.delete(question);
        resolve(answers);
      };
      const timer = setTimeout(end, others === Infinity ? WAIT_WITHOUT_LOCKS_MS : this.#waitMs);
      this.#asking.set(question, (answer) => {
        answers.push(answer);
        if (answers.length >= others) end();
      });
      if (!this.#tell({ question, user: this.#user, files })) end();
    });
  }

  /**
   * @param {Question} question
   * @param {(key: string) => Blob[]} sending
   */
  #answer({ question, user, files }, sending) {
    /** @type {[number, Blob[]][]} */
    const known = [];
    if (user === this.#user) {
      for (const [index, key] of files.entries()) {
        const blobs = sending(key);
        if (blobs.length > 0) known.push([index, blobs]);
      }
    }
    this.#tell({ answer: question, tab: this.#tabs.id, files: known });
  }
}
