/** Announces sentences to screen readers. */
export class Announcer {
  #place;

  /** @param {HTMLElement} place a live region */
  constructor(place) {
    this.#place = place;
  }

  /** @param {string} sentence */
  announce(sentence) {
    // Emptied first, so that a repeated sentence is announced again.
    this.#place.textContent = "";
    setTimeout(() => {
      this.#place.textContent = sentence;
    }, 50);
  }
}
