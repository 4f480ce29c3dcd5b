import { Checksums } from "../../static/js/engine/checksum.js";
import { FakeFile, MIB, World } from "./world.js";
import assert from "node:assert/strict";
import { test } from "node:test";

test("on slow and fast lines, at most 100 parts have a checksum but have not yet arrived in the bucket", async () => {
  for (const bytesPerMs of [1_000, 100_000, 10_000_000]) {
    let computed = 0;
    const createWorker = () => {
      const worker = { terminate() {} };
      worker.postMessage = (blob) => {
        if (blob.size === 8 * MIB) computed += 1;
        queueMicrotask(() => worker.onmessage({ data: { checksum: blob.checksum } }));
      };
      return worker;
    };
    const world = new World({ bytesPerMs });
    world.options = { checksums: new Checksums({ createWorker, clock: world.clock, size: 2 }), putLimit: 8 * MIB };
    world.server.takesPartSize = true;
    const handle = world.newEngine().add(new FakeFile("film.bin", 3072 * MIB));
    let most = 0;
    await world.until(() => {
      most = Math.max(most, computed - world.storage.requests.length);
      return handle.state === "done";
    });

    assert.equal(computed, world.storage.requests.length);
    assert.ok(most >= 10 && most <= 100, `${most} checksums at ${bytesPerMs} bytes/ms`);
  }
});
