const TICK_MS = 500;

/** @type {Set<() => void>} */
const due = new Set();

/**
 * Return a function that schedules `act` for the next tick. A tick comes every half second. A call does nothing if `act`
 * is already scheduled.
 *
 * With many files, all parts of the page draw at a tick. One timer runs all of them, so they draw in the same frame, and
 * the page needs less CPU time.
 *
 * @param {() => void} act
 */
export function everyTick(act) {
  return () => {
    if (due.size === 0) setTimeout(runAll, untilTick());
    due.add(act);
  };
}

function runAll() {
  const acts = [...due];
  due.clear();
  for (const act of acts) {
    try {
      act();
    } catch (error) {
      reportError(error); // an error in one part of the page must not stop the others
    }
  }
}

/** Return the time in milliseconds until the next tick. */
function untilTick() {
  // Round up, because the browser cuts a fraction of a millisecond, and the timer would fire before the tick.
  return Math.ceil(TICK_MS - (performance.now() % TICK_MS));
}
