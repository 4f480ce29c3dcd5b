const TICK_MS = 500;

/**
 * Return the time in milliseconds until the next tick. A tick comes every half second.
 *
 * With many files, all parts of the page wait for a tick before they draw. So they draw in the same frame, and the page
 * needs less CPU time.
 */
export function untilTick() {
  // Round up, because the browser cuts a fraction of a millisecond, and the timer would fire before the tick.
  return Math.ceil(TICK_MS - (performance.now() % TICK_MS));
}
