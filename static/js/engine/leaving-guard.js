/**
 * Ask the person before the page is left while uploads are in progress; return a function that removes the guard.
 *
 * The listener exists only during uploads, because it keeps the page out of the back/forward cache.
 *
 * @param {Pick<Window, "addEventListener" | "removeEventListener">} window
 * @param {Pick<import("./engine.js").Engine, "active" | "on">} engine
 */
export function guardLeaving(window, engine) {
  const ask = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.returnValue = true; // needed by Chrome before 119
  };
  const follow = (/** @type {boolean} */ active) =>
    active ? window.addEventListener("beforeunload", ask) : window.removeEventListener("beforeunload", ask);
  follow(engine.active);
  const stop = engine.on("active", follow);
  return () => {
    stop();
    follow(false);
  };
}
