/**
 * Draw the bar of a quota: its dark part is `used`, and its lighter part ends at `promised`.
 *
 * @param {HTMLElement} place
 * @param {{limit: number, used: number, promised: number}} bytes `promised`: used and reserved bytes together
 */
export function drawQuotaBar(place, { limit, used, promised }) {
  place.classList.toggle("quota--full", promised > limit || used >= limit);
  for (const [selector, bytes] of /** @type {const} */ ([
    [".quota__used", used],
    [".quota__pending", promised],
  ])) {
    const bar = /** @type {HTMLElement} */ (place.querySelector(selector));
    // Draw at least 1.5 % of the bar, so that a small share is visible too.
    const share = bytes > 0 ? Math.min(1, Math.max(bytes / Math.max(1, limit), 0.015)) : 0;
    bar.style.transform = `scaleX(${share})`;
  }
}
