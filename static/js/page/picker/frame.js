const HIDDEN_MS = 100;

/**
 * Return a function that runs `act` in the next frame. Several calls before that frame run `act` once.
 *
 * A hidden page has no frames, so a timer is used there.
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
