/*
 * Compares uploads that adapt the number of parallel parts (pace.js) with uploads that always use six connections.
 *
 * Run it with `node bench/lanes.mjs`. Both programs send the same file over the same simulated line. The time is
 * simulated too, so the figures are the same on every machine.
 *
 * Each cell has the figure with six connections, and after the arrow the figure with pace.js. "safe at half" is the
 * share of the file that S3 has stored at half of the total time. "first part safe" is the time when S3 has stored the
 * first part. "time" is the total time with pace.js, divided by the total time with six connections.
 */
import { FakeFile, MIB, NO_PACE, World } from "../tests/js/world.js";

const MOST = 1.03; // pace.js may need at most this many times the total time of six connections
const MBIT_PER_S = 125; // bytes per millisecond
const shared = (mbit) => ({ bytesPerMs: mbit * MBIT_PER_S });
const limited = (each) => ({ bytesPerMs: 6 * each, bytesPerMsEach: each });

const LINES = [
  ["2 Mbit/s", 60, shared(2)],
  ["8 Mbit/s", 60, shared(8)],
  ["8 Mbit/s", 1024, shared(8)],
  ["100 Mbit/s", 1024, shared(100)],
  ["1 Gbit/s", 1024, { ...shared(1000), delayMs: 20, stepMs: 50 }],
  ["6 x 2 MB/s", 1024, limited(2000)],
  ["6 x 0.5 MB/s", 1024, limited(500)],
  ["6 x 2 MB/s", 100, limited(2000)],
  ["6 x 0.5 MB/s", 100, limited(500)],
];

async function send(line, mib, pace) {
  const world = new World({ line: { stepMs: 50, buffer: 500_000, ...line }, pace });
  world.server.takesPartSize = true; // as the real server does
  await world.run(world.engine.add(new FakeFile("film.bin", mib * MIB)).finished);
  const took = world.clock.now();
  const landings = world.storage.requests.map(({ at }) => at);
  return { took, first: landings[0], safe: landings.filter((at) => at <= took / 2).length / landings.length };
}

const percent = (share) => `${Math.round(100 * share)} %`;
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const row = (...cells) => console.log(cells.map((cell, index) => String(cell).padEnd([14, 10, 16, 22, 12][index])).join(""));

let worst = 0;
row("line", "file", "safe at half", "first part safe", "time");
for (const [name, mib, line] of LINES) {
  const [six, now] = [await send(line, mib, NO_PACE), await send(line, mib)];
  worst = Math.max(worst, now.took / six.took);
  row(
    name,
    `${mib} MiB`,
    `${percent(six.safe)} -> ${percent(now.safe)}`,
    `${seconds(six.first)} -> ${seconds(now.first)}`,
    `x ${(now.took / six.took).toFixed(2)}`,
  );
}
if (worst > MOST) {
  console.error(`On one line, pace.js needs ${worst.toFixed(2)} times the time of six connections. The limit is ${MOST}.`);
  process.exitCode = 1;
}
