import { NoAnswer, serviceOf, within } from "../../static/js/engine/time-limit.js";
import { Checksums } from "../../static/js/engine/checksum.js";
import { Emitter } from "../../static/js/engine/emitter.js";
import { IDBFactory } from "fake-indexeddb";
import { KeptFiles } from "../../static/js/page/kept-files.js";
import { KeptStore } from "../../static/js/page/kept-store.js";
import { Tabs } from "../../static/js/page/tabs.js";
import { handleOf } from "../../static/js/page/file-handles.js";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readRoots, rootsOf } from "../../static/js/page/picker/incoming.js";
import { keepAwake } from "../../static/js/engine/wake-lock.js";
import { sha256Base64 } from "../../static/js/engine/sha256.js";
import { test } from "node:test";

const LIMIT_MS = 12_000; // the page continues within this time, for every fault of the services
const NEVER = new AbortController().signal;
const realTimeout = globalThis.setTimeout; // the tests mock setTimeout
const CHECKSUM = createHash("sha256").update("bytes").digest("base64");
const file = () => new File(["bytes"], "a.txt");

/** The faults that a method of the browser may have. */
const FAULTS = {
  "never answers": () => new Promise(() => {}),
  "throws at once": () => {
    throw new DOMException("Not here.", "SecurityError");
  },
  "is refused": () => Promise.reject(new DOMException("Not now.", "NotAllowedError")),
  "is missing": undefined,
};
const AT_ONCE = ["throws at once", "is missing"];
const workingLocks = () => ({ request: async (name, ...rest) => rest.at(-1)({ name }), query: async () => ({ held: [] }) });

/** Keep one file, adopt kept files, and read the ids of other tabs, as a page does. */
async function visit(parts) {
  const { locks, factory } = { locks: workingLocks(), factory: new IDBFactory(), ...parts };
  const tabs = new Tabs(locks);
  const store = new KeptStore(factory);
  const keptFiles = new KeptFiles({ store, tabs, owner: "ada", handleOf: async () => null });
  const engine = new Emitter();
  keptFiles.follow(engine);
  tabs.follow(engine);
  const upload = Object.assign(new Emitter(), { file: file(), key: "k", state: "sending", record: { id: "id-1" }, error: null });
  engine.emit("added", { upload, declaration: { filename: "a.txt", content_type: "text/plain" } });
  const [adopted, elsewhere] = [await keptFiles.adopt(), await tabs.elsewhere()];
  await within(1_000, () => store.clear()).catch(() => {}); // the logout
  return [adopted.length, elsewhere.size];
}

function database(transaction) {
  const request = { result: { transaction } };
  setImmediate(() => request.onsuccess());
  return request;
}

const readKept = (source) => new KeptFiles({ tabs: {}, store: {} }).read({ source }).catch(() => null);

/** Each row: a service, a function that uses it with a faulty method, the expected result, the faults (default: all). */
const SERVICES = [
  ["indexedDB", (open) => visit({ factory: open && { open } }), [0, 0], AT_ONCE],
  ["indexedDB.open", (open) => visit({ factory: { open: open && (() => open() && {}) } }), [0, 0], ["never answers"]],
  ["an IndexedDB transaction", (act) => visit({ factory: { open: () => database(act) } }), [0, 0], AT_ONCE],
  ["an IndexedDB request", () => visit({ factory: { open: () => database(silentTransaction) } }), [0, 0], ["never answers"]],
  ["navigator.locks", (request) => visit({ locks: request && { ...workingLocks(), request, query: request } }), [0, 0]],
  ["locks.request", (request) => visit({ locks: { ...workingLocks(), request } }), [0, 0]],
  ["locks.query", (query) => visit({ locks: { ...workingLocks(), query } }), [0, 0]],
  ["the Worker constructor", (start) => hashWith(start), CHECKSUM, AT_ONCE],
  ["a started worker", (post) => hashWith(() => ({ postMessage: () => void post(), terminate() {} })), CHECKSUM,
    ["never answers", "throws at once"]],
  ["crypto.subtle", (digest) => sha256Base64(file(), digest && { digest }), CHECKSUM],
  ["subtle.digest", (digest) => sha256Base64(file(), { digest }), CHECKSUM],
  ["queryPermission", (query) => readKept({ queryPermission: query, getFile: async () => file() }), null],
  ["getFile", (getFile) => readKept({ queryPermission: async () => "granted", getFile }), null],
  ["getAsFileSystemHandle", (ask) => handleOfDropped(ask), null],
  ["wakeLock.request", (request) => stayAwake({ request }), "continues"],
  ["navigator.wakeLock", (request) => stayAwake(request && { request }), "continues"],
  ["reading navigator.wakeLock", (read) => stayAwake(read), "continues", ["throws at once"]],
];

const silentTransaction = () => ({ objectStore: () => ({ getAll: () => ({}), clear() {}, put() {}, delete() {} }) });
const hashWith = (createWorker) => new Checksums({ createWorker }).checksum(file(), {}, NEVER);

async function handleOfDropped(getAsFileSystemHandle) {
  const dropped = file();
  await readRoots(rootsOf({ items: [{ kind: "file", getAsFileSystemHandle, getAsFile: () => dropped }] }), () => {});
  return handleOf(dropped);
}

async function stayAwake(wakeLock) {
  const engine = Object.assign(new Emitter(), { active: true });
  const navigator = typeof wakeLock === "function" ? { get wakeLock() { return wakeLock(); } } : { wakeLock };
  const stop = keepAwake(Object.assign(new EventTarget(), { visibilityState: "visible" }), navigator, engine);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  stop();
  return "continues";
}

/** Let mocked time pass until `promise` settles. Return its result and the time. */
async function settled(t, promise) {
  let end = null;
  promise.catch(() => {}).finally(() => (end = now));
  let now = 0;
  for (; end === null && now < 10 * LIMIT_MS; now += 250) {
    for (let round = 0; round < 5; round += 1) await new Promise((resolve) => realTimeout(resolve, 1));
    if (end === null) t.mock.timers.tick(250);
  }
  assert.notEqual(end, null, "The promise has not settled.");
  return [await promise, end];
}

for (const [service, use, expected, faults = Object.keys(FAULTS)] of SERVICES) {
  for (const words of faults) {
    test(`if ${service} ${words}, the page continues within 12 seconds`, async (t) => {
      t.mock.timers.enable({ apis: ["setTimeout"] });

      const [outcome, took] = await settled(t, use(FAULTS[words]));

      assert.deepEqual(outcome, expected);
      assert.ok(took <= LIMIT_MS, `${took} ms`);
    });
  }
}

test("if a lock arrives after the time limit, `within` passes the lock to the caller, so the caller can release it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let answer;
  const late = [];
  const asking = within(1_000, () => new Promise((resolve) => (answer = resolve)), (lock) => late.push(lock));
  t.mock.timers.tick(1_000);
  await assert.rejects(asking, NoAnswer);

  answer("lock");
  await new Promise((resolve) => setImmediate(resolve));

  assert.deepEqual(late, ["lock"]);
});

test("if a worker starts only after the time limit, the engine uses this worker for later files", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const posted = [];
  const worker = { postMessage: (blob) => posted.push(blob), terminate() {} };
  const checksums = new Checksums({ createWorker: () => worker, size: 1 });
  const first = checksums.checksum(file(), {}, NEVER);
  await settled(t, first);

  worker.onmessage({ data: { isStarted: true } });
  worker.onmessage({ data: { answers: [{ checksum: "late" }] } });
  const second = checksums.checksum(file(), {}, NEVER);
  await Promise.resolve(); // the message is sent in a microtask
  worker.onmessage({ data: { answers: [{ checksum: "from the worker" }] } });

  assert.deepEqual([await first, await second, posted.length], [CHECKSUM, "from the worker", 2]);
});

test("if the getter of a browser service throws, the service counts as missing", () => {
  const refused = () => {
    throw new DOMException("Cookies are blocked.", "SecurityError");
  };

  assert.deepEqual([serviceOf(refused), serviceOf(() => null), serviceOf(() => 1)], [undefined, undefined, 1]);
});

for (const words of ["throws at once", "is missing"]) {
  test(`if BroadcastChannel ${words}, the page tells other tabs about a logout through the local storage`, async (t) => {
    const logouts = [];
    const changes = [];
    const before = { BroadcastChannel: globalThis.BroadcastChannel, window: globalThis.window, localStorage: globalThis.localStorage };
    t.after(() => Object.assign(globalThis, before));
    globalThis.BroadcastChannel = words === "is missing" ? undefined : class { constructor() { throw new Error("no"); } };
    globalThis.window = new EventTarget();
    globalThis.localStorage = { setItem: (...change) => changes.push(change), removeItem() {} };
    const { onLogout, tellLogout } = await import(`../../static/js/page/logout-channel.js?${words.replaceAll(" ", "-")}`);

    onLogout((tab) => logouts.push(tab));
    tellLogout("tab-1");
    for (const [key, newValue] of changes) globalThis.window.dispatchEvent(Object.assign(new Event("storage"), { key, newValue }));
    globalThis.localStorage.setItem = () => {
      throw new DOMException("", "QuotaExceededError");
    };
    tellLogout("tab-2");

    assert.deepEqual(logouts, ["tab-1"]);
  });
}
