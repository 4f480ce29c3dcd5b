/*
 * Compares uploads that adapt the number of parallel parts ("pace") with uploads that always use six lanes.
 *
 * Run it with `node bench/lanes.mjs`. Both upload the same file over the same simulated line, in simulated time, so the
 * figures are the same on every machine. They are: the share of the file that is stored at half time, the time when the
 * first part is stored, and the ratio of the total times.
 */
import { FakeFile, MIB, NO_PACE, World } from "../tests/js/world.js";

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
  const world = new World({ line: { stepMs: 250, buffer: 500_000, ...line }, pace });
  await world.run(world.engine.add(new FakeFile("film.bin", mib * MIB)).finished);
  const took = world.clock.now();
  const landings = world.storage.requests.map(({ at }) => at);
  return { took, first: landings[0], safe: landings.filter((at) => at <= took / 2).length / landings.length };
}

const percent = (share) => `${Math.round(100 * share)} %`;
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const row = (...cells) => console.log(cells.map((cell, index) => String(cell).padEnd([14, 10, 16, 22, 12][index])).join(""));

row("line", "file", "safe at half", "first part safe", "time");
for (const [name, mib, line] of LINES) {
  const [six, now] = [await send(line, mib, NO_PACE), await send(line, mib)];
  row(
    name,
    `${mib} MiB`,
    `${percent(six.safe)} -> ${percent(now.safe)}`,
    `${seconds(six.first)} -> ${seconds(now.first)}`,
    `x ${(now.took / six.took).toFixed(2)}`,
  );
}
