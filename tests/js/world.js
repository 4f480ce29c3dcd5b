import { Checksums } from "../../static/js/engine/checksum.js";
import { Clock } from "../../static/js/engine/clock.js";
import { Connectivity } from "../../static/js/engine/connectivity.js";
import { FakeServer } from "./fake-server.js";
import { FakeStorage } from "./fake-storage.js";
import { createEngine } from "../../static/js/engine/engine.js";
import { setMaxListeners } from "node:events";

export const MIB = 1024 * 1024;

// Up to two hundred parts listen to one signal, so Node would warn of a leak. listeners.test.js checks that no listener remains.
setMaxListeners(0);

/** A pace that always permits six lanes, as on a fast line. Tests compare the real pace with it. */
export const NO_PACE = { hasRoom: true, begin: () => ({}), moved() {}, landed() {}, end() {} };

/** A clock that changes only when a test calls `tick` or `jump`. A tick moves it to the next timer. */
export class FakeClock extends Clock {
  #now = 0;
  #timers = new Map();
  #next = 0;

  now() {
    return this.#now;
  }

  after(milliseconds, callback) {
    const id = (this.#next += 1);
    this.#timers.set(id, { at: this.#now + Math.max(0, milliseconds), callback });
    return () => this.#timers.delete(id);
  }

  /** Let time pass without running timers, as if the machine slept. */
  jump(milliseconds) {
    this.#now += milliseconds;
  }

  tick() {
    let first;
    for (const [id, timer] of this.#timers) if (!first || timer.at < first[1].at) first = [id, timer];
    if (!first) throw new Error("No timer is set, so the test would wait forever.");
    this.#timers.delete(first[0]);
    this.#now = Math.max(this.#now, first[1].at);
    first[1].callback();
  }
}

/** A file without bytes. `content` stands for its bytes. While `readable` is false, reads fail. */
export class FakeFile {
  constructor(name, size, { content = name, lastModified = 1_700_000_000_000, type = "" } = {}) {
    Object.assign(this, { name, size, content, lastModified, type, readable: true, failures: 0 });
  }

  /** Throw if the file cannot be read now. The first `failures` reads fail, as when a download starts in WebKit. */
  read(name = "NotReadableError") {
    if (!this.readable || this.failures-- > 0) throw new DOMException("The file changed.", name);
  }

  get file() {
    return this;
  }

  get checksum() {
    return this.slice().checksum;
  }

  slice(start = 0, end = this.size) {
    return new FakeSlice(this, Math.min(start, this.size), Math.min(end, this.size));
  }
}

/** A slice of a file. After a failed read, all reads of this slice fail. A new slice of the file can be read. */
class FakeSlice {
  constructor(file, start, end) {
    Object.assign(this, { file, start, end, size: end - start, type: "", hasFailed: false });
  }

  read(name = "NotReadableError") {
    if (this.hasFailed) throw new DOMException("This slice has failed before.", name);
    this.hasFailed = true;
    this.file.read(name);
    this.hasFailed = false;
  }

  slice(start = 0, end = this.size) {
    return new FakeSlice(this.file, this.start + start, Math.min(this.start + end, this.end));
  }

  async arrayBuffer() {
    this.read("AbortError"); // as Firefox does
    return new ArrayBuffer(Math.min(this.size, 4096));
  }

  get checksum() {
    return `${this.file.content}:${this.start}-${this.end}`;
  }
}

export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An engine, a server and a storage with one fake clock. */
export class World {
  /** `returnsBytes`: the worker also returns the bytes of small files, as in the browser. */
  constructor({ seed = 1, bytesPerMs = 20_000, line = {}, returnsBytes = false, latencyMs = 20, lifetimeMs = 900_000, onLine = true, ...options } = {}) {
    this.clock = new FakeClock();
    this.random = seeded(seed);
    /** The listeners for the browser's events "online" and "offline", and whether the network works. */
    this.hints = {};
    this.network = { isUp: true };
    this.connectivity = new Connectivity({
      onLine,
      listen: (event, listener) => (this.hints[event] = listener),
      clock: this.clock,
    });
    this.storage = new FakeStorage({ clock: this.clock, network: this.network, bytesPerMs, ...line });
    this.server = new FakeServer({
      clock: this.clock,
      network: this.network,
      storage: this.storage,
      latencyMs,
      lifetimeMs,
    });
    this.options = options;
    this.returnsBytes = returnsBytes;
    this.engine = this.newEngine();
  }

  /** Create the engine of another page on the same machine. It has nothing of the first page in memory. */
  newEngine() {
    let keys = 0;
    const page = (this.pages = (this.pages ?? 0) + 1);
    return createEngine({
      clock: this.clock,
      connectivity: this.connectivity,
      random: this.random,
      fetch: this.server.fetch,
      createXhr: () => this.storage.createXhr(),
      newKey: () => `key-${page}-${(keys += 1)}`,
      checksums: new Checksums({ createWorker: () => fakeWorker(this.clock, this.returnsBytes), clock: this.clock, size: 2 }),
      ...this.options,
    });
  }

  /** Let time run until `promise` settles. Return its value or throw its error. */
  async run(promise, maxMs = 24 * 3_600_000) {
    let settled = false;
    promise.catch(() => {}).finally(() => (settled = true));
    const end = this.clock.now() + maxMs;
    for (;;) {
      await drain();
      if (settled) return promise;
      if (this.clock.now() > end) throw new Error("Not settled in time.");
      this.clock.tick();
    }
  }

  /** Let time run until `condition` holds. */
  async until(condition) {
    for (;;) {
      await drain();
      if (condition()) return;
      this.clock.tick();
    }
  }

  /** Let `milliseconds` pass. */
  async pass(milliseconds) {
    await this.run(this.clock.sleep(milliseconds));
  }

  /** Lose the network. By default, the browser reports it. */
  goOffline({ isReported = true } = {}) {
    this.network.isUp = false;
    if (isReported) this.hints.offline();
    this.storage.failAll();
  }

  goOnline({ isReported = true } = {}) {
    this.network.isUp = true;
    if (isReported) this.hints.online();
  }
}

/** A worker that hashes 300 MB per second, in fake time. */
export function fakeWorker(clock, returnsBytes = false) {
  const worker = {
    terminate() {},
    postMessage(message) {
      const blobs = [message].flat();
      const size = blobs.reduce((sum, blob) => sum + blob.size, 0);
      const answers = blobs.map(answer);
      if (returnsBytes && Array.isArray(message)) answers.forEach((one, index) => (one.bytes = one.checksum && contentOf(blobs[index])));
      clock.after(size / 300_000, () => worker.onmessage({ data: Array.isArray(message) ? { answers } : answers[0] }));
    },
  };
  return worker;
}

/** Return bytes that stand for the content of a blob: its checksum and zeros. */
function contentOf({ checksum, size }) {
  const bytes = new Uint8Array(size);
  new TextEncoder().encodeInto(checksum, bytes);
  return bytes.buffer;
}

function answer(blob) {
  try {
    blob.read();
    return { checksum: blob.checksum };
  } catch ({ name, message }) {
    return { error: { name, message } };
  }
}

/** Let all pending promises settle. */
function drain() {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Watch a handle. Return an object whose list `violations` gets an entry each time the progress goes backwards, exceeds
 * the file, or is complete before the upload is ready.
 */
export function watchProgress(handle) {
  const seen = { last: 0, violations: [] };
  handle.on("progress", ({ bytesSent, byteSize }) => {
    if (bytesSent < seen.last) seen.violations.push(`${seen.last} -> ${bytesSent}`);
    if (bytesSent > byteSize) seen.violations.push(`${bytesSent} of ${byteSize}`);
    if (byteSize > 0 && bytesSent === byteSize && handle.record?.state !== "ready") {
      seen.violations.push("complete before ready");
    }
    seen.last = bytesSent;
  });
  return seen;
}
