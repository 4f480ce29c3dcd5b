/**
 * Let the browser ask for confirmation if the person leaves the page during uploads. Return a function that turns this
 * question off.
 *
 * Listen only during uploads, because browsers do not keep a page with this listener in their cache for the back button.
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
