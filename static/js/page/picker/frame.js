const HIDDEN_MS = 100;

/**
 * Return a function that lets `act` run once in the next frame, however often it is called until then.
 *
 * A hidden page has no frames: there a timer takes their place.
 *
 * @param {() => void} act
 */
export function everyFrame(act) {
  let isDue = false;
  const run = () => {
    isDue = false;
    act();
  };
  return () => {
    if (isDue) return;
    isDue = true;
    if (document.hidden) setTimeout(run, HIDDEN_MS);
    else requestAnimationFrame(run);
  };
}
