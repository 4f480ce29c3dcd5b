/** Speaks milestones to screen readers: a few in an upload, not every percent. */
export class Speaker {
  #place;

  /** @param {HTMLElement} place a live region */
  constructor(place) {
    this.#place = place;
  }

  /** @param {string} sentence */
  say(sentence) {
    // Emptied first, so that the same sentence is spoken twice.
    this.#place.textContent = "";
    setTimeout(() => {
      this.#place.textContent = sentence;
    }, 50);
  }
}
