/** Announces sentences to screen readers, through a live region (an element whose changes they read aloud). */
export class Announcer {
  #place;

  /** @param {HTMLElement} place the live region */
  constructor(place) {
    this.#place = place;
  }

  /** @param {string} sentence */
  announce(sentence) {
    // Clear the text first. Otherwise, screen readers do not announce the same sentence twice.
    this.#place.textContent = "";
    setTimeout(() => {
      this.#place.textContent = sentence;
    }, 50);
  }
}
