/**
 * Keeps listeners and calls them. The type parameter maps each event to its payload.
 *
 * @template {Record<string, unknown>} Events
 */
export class Emitter {
  /** @type {Map<keyof Events, Set<(payload: any) => void>>} */
  #listeners = new Map();

  /**
   * Call `listener` at every `event`.
   *
   * @template {keyof Events} E
   * @param {E} event
   * @param {(payload: Events[E]) => void} listener
   * @returns {() => void} removes the listener
   */
  on(event, listener) {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /**
   * @template {keyof Events} E
   * @param {E} event
   * @param {Events[E]} payload
   */
  emit(event, payload) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(payload);
  }
}
