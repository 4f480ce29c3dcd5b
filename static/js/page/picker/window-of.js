const SPARE = 6;

/**
 * Return which rows of a long list are to be drawn: those in view, and a few before and after them.
 *
 * @param {{count: number, rowHeight: number, scrollTop: number, height: number, spare?: number}} facts
 * @returns {{first: number, end: number}} `end` is the first row that is not drawn any more
 */
export function windowOf({ count, rowHeight, scrollTop, height, spare = SPARE }) {
  const top = Math.floor(Math.max(0, scrollTop) / rowHeight);
  const bottom = Math.ceil((Math.max(0, scrollTop) + height) / rowHeight);
  const end = Math.min(count, bottom + spare);
  return { first: Math.max(0, Math.min(top - spare, end - 1)), end };
}

/**
 * Return where to scroll so that the whole row is in view, by as little as needed.
 *
 * @param {number} index
 * @param {{rowHeight: number, scrollTop: number, height: number}} facts
 */
export function scrollTo(index, { rowHeight, scrollTop, height }) {
  return Math.min(Math.max(scrollTop, (index + 1) * rowHeight - height), index * rowHeight);
}
