const MIB = 1024 * 1024;
const LEAST = 5 * MIB; // S3 takes no smaller part, except the last one
const MOST = 64 * MIB;
const GRAIN = 64 * 1024;
const LANE_SECONDS = 4; // on a fast line one connection sends a part in this time

/**
 * Return the part size to ask for. Parts are larger where the line is fast, so that there are fewer requests. The size
 * is such that the last parts of the file fill all connections: 8 parts over 6 connections take as long as 12.
 *
 * @param {number} byteSize
 * @param {{bytesPerSecond: number, lanes: number, usual?: number}} line `bytesPerSecond`: 0 while it is not known;
 *   `usual`: the largest part until then
 */
export function partSizeFor(byteSize, { bytesPerSecond, lanes, usual = 16 * MIB }) {
  const forLine = Math.min(Math.max(MOST, usual), Math.max(usual, (bytesPerSecond / lanes) * LANE_SECONDS));
  const rounds = Math.ceil(byteSize / (lanes * forLine));
  const even = Math.ceil(byteSize / (rounds * lanes) / GRAIN) * GRAIN;
  return Math.max(LEAST, even);
}
