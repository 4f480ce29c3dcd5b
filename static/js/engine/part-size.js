const MIB = 1024 * 1024;
const LEAST = 5 * MIB; // S3 refuses smaller parts, except the last one
const MOST = 64 * MIB;
const GRAIN = 64 * 1024;
const LANE_SECONDS = 4; // on a fast line, one connection should need this time for a part
const SLOW = 2_000_000; // bytes per second; on a slower line, parts have at most MOST_ON_SLOW bytes, so that S3 stores them early
const MOST_ON_SLOW = 8 * MIB;

/**
 * Return the part size to request, in bytes. On a fast line, parts are larger, so that fewer requests are needed.
 *
 * If possible, the number of parts is a multiple of the number of lanes, so that all lanes are in use until the end.
 *
 * @param {number} byteSize
 * @param {{bytesPerSecond: number, lanes: number, usual?: number}} line `bytesPerSecond`: 0 while unknown;
 *   `usual`: maximum part size while the speed is unknown
 */
export function partSizeFor(byteSize, { bytesPerSecond, lanes, usual = 16 * MIB }) {
  const isSlow = bytesPerSecond > 0 && bytesPerSecond < SLOW;
  const least = isSlow ? Math.min(usual, MOST_ON_SLOW) : usual;
  const forLine = Math.min(Math.max(MOST, usual), Math.max(least, (bytesPerSecond / lanes) * LANE_SECONDS));
  const rounds = Math.ceil(byteSize / (lanes * forLine));
  const even = Math.ceil(byteSize / (rounds * lanes) / GRAIN) * GRAIN;
  return Math.max(LEAST, even);
}
