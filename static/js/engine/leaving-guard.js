/**
 * Ask before the page is left while something is on its way; return a function that stops it.
 *
 * The listener is there only while needed: it would keep the page out of the back/forward cache.
 *
 * @param {Pick<Window, "addEventListener" | "removeEventListener">} window
 * @param {Pick<import("./engine.js").Engine, "active" | "on">} engine
 */
export function guardLeaving(window, engine) {
  const ask = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.returnValue = true; // what Chrome before 119 listens to
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
