const HIDDEN_MS = 100;

/**
 * Return a function that schedules `act` for the next animation frame.
 *
 * A call does nothing if `act` is already scheduled. Browsers run no animation frames in a hidden page, so there a
 * timer runs `act` after HIDDEN_MS.
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
