const QUARTERS = [0.25, 0.5, 0.75];
const REST_MS = 15_000;

/** Announces to screen readers when 25, 50 and 75 percent of a long upload are sent. */
export class ProgressAnnouncer {
  #announce;
  #now;
  #spokenAt = 0;
  #next = 0;

  /**
   * @param {(sentence: string) => void} announce
   * @param {() => number} [now]
   */
  constructor(announce, now = () => performance.now()) {
    this.#announce = announce;
    this.#now = now;
  }

  /** Start again at 0 percent. Call this when an upload starts or ends. */
  reset() {
    this.#spokenAt = this.#now();
    this.#next = 0;
  }

  /** @param {{bytes: number, bytesSent: number, active: boolean}} totals */
  update({ bytes, bytesSent, active }) {
    if (!active || bytes === 0) return;
    const share = bytesSent / bytes;
    const passed = QUARTERS.filter((quarter) => share >= quarter).length;
    if (passed <= this.#next || this.#now() - this.#spokenAt < REST_MS) return;
    this.#next = passed;
    this.#spokenAt = this.#now();
    this.#announce(`${QUARTERS[passed - 1] * 100} percent uploaded.`);
  }
}
