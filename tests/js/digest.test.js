import { CRC64NVME, SHA256 } from "../../static/js/engine/digest.js";
import { FakeFile, MIB, World, fakeWorker } from "./world.js";
import { Checksums } from "../../static/js/engine/checksum.js";
import { Clock } from "../../static/js/engine/clock.js";
import { Crc64Nvme } from "../../static/js/engine/crc64nvme.js";
import { Digests } from "../../static/js/engine/digests.js";
import assert from "node:assert/strict";
import { createCRC64 } from "hash-wasm";
import { readSlices } from "../../static/js/engine/reading.js";
import { test } from "node:test";

const NEVER = new AbortController().signal;

/** Test vectors of the NVM Express specification, and the check value of the algorithm. */
const VECTORS = [
  ["an empty file", new Uint8Array(), "0000000000000000"],
  ["123456789", new TextEncoder().encode("123456789"), "ae8b14860a799888"],
  ["4096 bytes 0x00", new Uint8Array(4096), "6482d367eb22b64e"],
  ["4096 bytes 0xff", new Uint8Array(4096).fill(0xff), "c0ddba7302eca3ac"],
  ["4096 rising bytes", Uint8Array.from({ length: 4096 }, (_, index) => index), "3e729f5f6750449c"],
  ["4096 falling bytes", Uint8Array.from({ length: 4096 }, (_, index) => 255 - index), "9a2df64b8e9e517e"],
];

const inBase64 = (hex) => Buffer.from(hex, "hex").toString("base64");

async function byWasm(bytes) {
  return inBase64((await createCRC64("9a6c9329ac4bc9b5")).update(bytes).digest());
}

function byTable(bytes, split = bytes.length) {
  const hash = new Crc64Nvme();
  hash.update(bytes.subarray(0, split));
  hash.update(bytes.subarray(split));
  return Buffer.from(hash.digest()).toString("base64");
}

function someBytes(length) {
  let state = 7;
  return Uint8Array.from({ length }, () => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >>> 16);
}

for (const [name, bytes, expected] of VECTORS) {
  test(`the CRC64NVME checksum of ${name} equals the value in the specification`, async () => {
    assert.equal(byTable(bytes), inBase64(expected));
    assert.equal(await byWasm(bytes), inBase64(expected));
    assert.equal(await CRC64NVME.checksum(new Blob([bytes])), inBase64(expected));
    assert.equal((await CRC64NVME.readSmall(new Blob([bytes]))).checksum, inBase64(expected));
  });
}

test("the CRC64NVME checksum of the text 123456789, in base64, is the value that S3 expects", () => {
  assert.equal(byTable(new TextEncoder().encode("123456789")), "rosUhgp5mIg=");
});

test("JavaScript and WebAssembly compute the same CRC64NVME checksum, for each length and each split of the bytes", async () => {
  const bytes = someBytes(9 * MIB + 3);
  for (const length of [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 4095, 4097, 65_537, bytes.length]) {
    const some = bytes.subarray(0, length);
    const expected = await byWasm(some);

    assert.equal(byTable(some), expected, `${length} bytes`);
    for (const split of [1, 3, 8, 13]) assert.equal(byTable(some, Math.min(split, length)), expected);
    assert.equal(await CRC64NVME.checksum(new Blob([some])), expected);
  }
});

test("the engine reads a file in slices, and reads each byte exactly once", async () => {
  for (const size of [0, 1, 64 * MIB, 64 * MIB + 1]) {
    const bytes = new Uint8Array(size).fill(7);
    const slices = [];
    for await (const slice of readSlices(new Blob([bytes]))) slices.push(slice);

    assert.ok(Buffer.concat(slices).equals(bytes));
  }
});

test("if the browser cannot read a slice of a file, the computation of the checksum fails", async () => {
  const blob = { size: 100 * MIB, slice: (start) => ({ arrayBuffer: async () => {
    if (start > 0) throw new DOMException("gone", "NotFoundError");
    return new ArrayBuffer(1000);
  } }) };

  await assert.rejects(CRC64NVME.checksum(blob), { name: "NotFoundError" });
});

/** Load the worker's script as a browser does, and return its answer to `message`. */
async function askWorker(name, message) {
  const posted = [];
  Object.assign(globalThis, { name, postMessage: (answer) => posted.push(answer) });
  await import(`../../static/js/engine/checksum-worker.js?${name}-${Math.random()}`);
  await globalThis.onmessage({ data: message });
  return posted.at(-1);
}

test("if the browser returns fewer bytes than the file had when it was chosen, the computation of the checksum fails", async () => {
  const shorter = { size: 1000, slice: () => shorter, arrayBuffer: async () => new ArrayBuffer(990) };

  await assert.rejects(SHA256.checksum(shorter), { name: "NotReadableError" });
  await assert.rejects(CRC64NVME.checksum(shorter), { name: "NotReadableError" });
});

test("the name of a worker selects the checksum algorithm, and a worker without a name uses SHA-256", async () => {
  const blob = new Blob(["123456789"]);

  assert.deepEqual(await askWorker("crc64nvme", blob), { checksum: "rosUhgp5mIg=" });
  assert.deepEqual((await askWorker("crc64nvme", [blob, new Blob()])).answers.map(({ checksum }) => checksum), ["rosUhgp5mIg=", "AAAAAAAAAAA="]);
  assert.deepEqual(await askWorker("sha256", blob), { checksum: await SHA256.checksum(blob) });
  assert.deepEqual(await askWorker("", blob), { checksum: await SHA256.checksum(blob) });
});

test("a worker reads several files with one read, and reads each file alone if this read fails", async () => {
  const blobs = ["one", "", "three"].map((text) => new Blob([text]));
  const expected = await Promise.all(blobs.map((blob) => SHA256.checksum(blob)));
  const { arrayBuffer } = Blob.prototype;
  for (const [broken, reads] of [[[], 1], [[8], 4], [[8, 5], 4]]) {
    let count = 0;
    Blob.prototype.arrayBuffer = async function () {
      count += 1;
      if (broken.includes(this.size)) throw new DOMException("changed", "NotReadableError");
      return arrayBuffer.call(this);
    };
    try {
      const { answers } = await askWorker("sha256", blobs);

      assert.equal(count, reads);
      assert.deepEqual(answers.map(({ checksum }) => checksum), expected.map((checksum, index) => (broken.includes(blobs[index].size) ? undefined : checksum)));
      assert.deepEqual(answers.map(({ error }) => error?.name), [undefined, undefined, broken.includes(5) ? "NotReadableError" : undefined]);
      for (const [index, { bytes }] of answers.entries()) if (bytes) assert.equal(bytes.byteLength, blobs[index].size);
    } finally {
      Blob.prototype.arrayBuffer = arrayBuffer;
    }
  }
});

test("a worker reads 60 files in groups of 25; if one group cannot be read, only its files are read alone", async () => {
  const blobs = Array.from({ length: 60 }, (_, index) => new Blob([`file ${index}`]));
  const expected = await Promise.all(blobs.map((blob) => SHA256.checksum(blob)));
  const { arrayBuffer } = Blob.prototype;
  let count = 0;
  Blob.prototype.arrayBuffer = async function () {
    count += 1;
    if (count === 2) throw new DOMException("changed", "NotReadableError");
    return arrayBuffer.call(this);
  };
  try {
    const { answers } = await askWorker("sha256", blobs);

    assert.equal(count, 3 + 25);
    assert.deepEqual(answers.map(({ checksum }) => checksum), expected);
  } finally {
    Blob.prototype.arrayBuffer = arrayBuffer;
  }
});

test("a worker that gets too few bytes for several files reads each file alone", async () => {
  const blobs = ["one", "three"].map((text) => new Blob([text]));
  const { arrayBuffer } = Blob.prototype;
  Blob.prototype.arrayBuffer = async function () {
    return (await arrayBuffer.call(this)).slice(0, 5);
  };
  try {
    const { answers } = await askWorker("sha256", blobs);

    assert.deepEqual(answers.map(({ bytes }) => bytes.byteLength), [3, 5]);
  } finally {
    Blob.prototype.arrayBuffer = arrayBuffer;
  }
});

test("if the Content-Security-Policy forbids WebAssembly, the worker computes CRC64NVME in JavaScript", async () => {
  const { WebAssembly } = globalThis;
  const refused = () => {
    throw new WebAssembly.CompileError("Refused by the Content-Security-Policy");
  };
  globalThis.WebAssembly = { ...WebAssembly, compile: refused, instantiate: refused, Module: refused };
  try {
    for (const name of ["crc64nvme", "crc64nvme"]) {
      assert.deepEqual(await askWorker(name, new Blob(["123456789"])), { checksum: "rosUhgp5mIg=" });
    }
  } finally {
    globalThis.WebAssembly = WebAssembly;
  }
});

test("if the browser refuses to create a worker for CRC64NVME, the main thread computes the CRC64NVME checksum", async () => {
  const names = [];
  const createWorker = (name) => {
    names.push(name);
    throw new Error("Refused by the Content-Security-Policy");
  };
  const checksums = new Checksums({ createWorker, digest: CRC64NVME });

  assert.equal(await checksums.checksum(new Blob(["123456789"]), {}, NEVER), "rosUhgp5mIg=");
  assert.deepEqual(names, ["crc64nvme"]);
  assert.deepEqual(checksums.declared("x"), { checksum_crc64nvme: "x" });
});

test("new uploads use the site's checksum algorithm, existing uploads keep their algorithm, and fingerprints use SHA-256", () => {
  const clock = new Clock();
  for (const [name, field] of [["crc64nvme", "checksum_crc64nvme"], ["sha256", "checksum_sha256"], [undefined, "checksum_sha256"]]) {
    const digests = new Digests({ name, clock });

    assert.deepEqual(digests.chosen.declared("x"), { [field]: "x" });
    assert.deepEqual(digests.fingerprints.declared("x"), { checksum_sha256: "x" });
    assert.equal(digests.of({}), digests.chosen);
    assert.deepEqual(digests.of({ checksum_algorithm: "crc64nvme" }).declared("x"), { checksum_crc64nvme: "x" });
    assert.equal(digests.of({ checksum_algorithm: "sha256" }), digests.fingerprints);
  }
});

const FIELDS = { sha256: "x-amz-checksum-sha256", crc64nvme: "x-amz-checksum-crc64nvme" };

/** Send a file of this size with the page's algorithm, and return the headers that S3 got. */
async function headersOf(size, page, server) {
  const sent = new Set();
  const createWorker = () => fakeWorker(world.clock);
  const world = new World({ checksumAlgorithm: page, checksums: undefined, createWorker });
  world.server.algorithm = server;
  world.storage.fault = () => {
    for (const { headers } of world.storage.inFlight) Object.keys(headers).forEach((name) => sent.add(name));
  };
  const handle = world.engine.add(new FakeFile("a.bin", size));
  await world.run(handle.finished);
  return [...sent];
}

for (const [size, kind] of [[0, "an empty file"], [1000, "a small file"], [100 * MIB, "a large file"]]) {
  test(`the engine sends ${kind} with a checksum of the algorithm that the site has chosen`, async () => {
    assert.deepEqual(await headersOf(size, "crc64nvme"), [FIELDS.crc64nvme]);
    assert.deepEqual(await headersOf(size, "sha256"), [FIELDS.sha256]);
    assert.deepEqual(await headersOf(size, undefined), [FIELDS.sha256]);
  });
}

test("if the page and an upload have different checksum algorithms, the engine uses the algorithm of the upload", async () => {
  assert.deepEqual(await headersOf(100 * MIB, "crc64nvme", "sha256"), [FIELDS.sha256]);
  assert.deepEqual(await headersOf(100 * MIB, "sha256", "crc64nvme"), [FIELDS.crc64nvme]);
});
