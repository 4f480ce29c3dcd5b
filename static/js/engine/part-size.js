const MIB = 1024 * 1024;
const LEAST = 5 * MIB; // S3 takes no smaller part, save the last
const SAFE = 8 * MIB; // on a slow line a part of this size is safe within minutes
const MOST = 64 * MIB;
const GRAIN = 64 * 1024;
const LANE_SECONDS = 4; // on a fast line a lane sends one part in this time: fewer requests

/**
 * Return the part size to ask for: small where the line is slow or not known yet, larger where it is fast, and such
 * that the last round of parts fills all lanes.
 *
 * @param {number} byteSize
 * @param {{bytesPerSecond: number, lanes: number}} line 0 bytes a second: not known yet
 */
export function partSizeFor(byteSize, { bytesPerSecond, lanes }) {
  const forLine = Math.min(MOST, Math.max(SAFE, (bytesPerSecond / lanes) * LANE_SECONDS));
  const rounds = Math.ceil(byteSize / (lanes * forLine));
  const even = Math.ceil(byteSize / (rounds * lanes) / GRAIN) * GRAIN;
  return Math.max(LEAST, even);
}
