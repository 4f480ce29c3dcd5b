const SPARE = 6;

/**
 * Return the range of rows of a long list to draw. The range has the visible rows, and `spare` rows above and below
 * them.
 *
 * @param {{count: number, rowHeight: number, scrollTop: number, height: number, spare?: number}} facts
 * @returns {{first: number, end: number}} `end`: the first row after the range
 */
export function windowOf({ count, rowHeight, scrollTop, height, spare = SPARE }) {
  const top = Math.floor(Math.max(0, scrollTop) / rowHeight);
  const bottom = Math.ceil((Math.max(0, scrollTop) + height) / rowHeight);
  const end = Math.min(count, bottom + spare);
  return { first: Math.max(0, Math.min(top - spare, end - 1)), end };
}

/**
 * Return the scroll position that is nearest to the current position and shows the whole row.
 *
 * @param {number} index
 * @param {{rowHeight: number, scrollTop: number, height: number}} facts
 */
export function scrollTo(index, { rowHeight, scrollTop, height }) {
  return Math.min(Math.max(scrollTop, (index + 1) * rowHeight - height), index * rowHeight);
}
