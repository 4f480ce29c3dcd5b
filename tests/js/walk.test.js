import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "../../static/js/page/picker/walk.js";

/** A dropped file. `problem` names the error that reading the file causes, or is "" if reading succeeds. */
function fileEntry(name, problem = "") {
  const file = new File([name], name);
  return {
    name,
    isFile: true,
    isDirectory: false,
    file(resolve, reject) {
      if (problem === "throws") throw new TypeError("Path too long.");
      if (problem === "silence") return;
      setImmediate(() => (problem ? reject(new DOMException("No.", problem)) : resolve(file)));
    },
  };
}

/** A dropped folder. Its reader returns at most 100 entries at a time, as in Chromium. */
function folderEntry(name, children, { failsAfter = Infinity } = {}) {
  return {
    name,
    isFile: false,
    isDirectory: true,
    createReader() {
      let given = 0;
      return {
        readEntries(resolve, reject) {
          if (given >= failsAfter) return setImmediate(() => reject(new DOMException("Gone.", "NotFoundError")));
          const some = children.slice(given, given + 100);
          given += some.length;
          setImmediate(() => resolve(some));
        },
      };
    },
  };
}

const rootOf = (entry, file = null) => ({ name: entry.name, entry, file });
const pathsOf = ({ found }) => found.map(({ path, file }) => path || file.name).sort();
const numbered = (count, make) => Array.from({ length: count }, (_, number) => make(`${number}.txt`, number));

for (const problem of ["NotFoundError", "NotReadableError", "SecurityError", "EncodingError", "throws"]) {
  test(`if reading one of 15 files fails (${problem}), the page lists this file as unreadable and finds the other 14`, async () => {
    const children = numbered(15, (name, number) => fileEntry(name, number === 7 ? problem : ""));

    const walked = await walk([rootOf(folderEntry("trip", children))]);

    assert.equal(walked.found.length, 14);
    assert.deepEqual(walked.unreadable, ["trip/7.txt"]);
    assert.deepEqual(walked.empty, []);
  });
}

test("if the browser never answers when the page reads a file, the page lists the file as unreadable", async () => {
  const children = [fileEntry("a.txt"), fileEntry("b.txt", "silence"), fileEntry("c.txt")];

  const walked = await walk([rootOf(folderEntry("trip", children))], { patienceMs: 20 });

  assert.deepEqual([pathsOf(walked), walked.unreadable], [["trip/a.txt", "trip/c.txt"], ["trip/b.txt"]]);
});

test("if 10 of 3,000 dropped files cannot be read, the page finds 2,990 files and lists 10 as unreadable", async () => {
  const children = numbered(3000, (name, number) => fileEntry(name, number % 300 === 299 ? "NotFoundError" : ""));
  let counted = 0;

  const walked = await walk([rootOf(folderEntry("many", children))], { onCount: (files) => (counted = files) });

  assert.equal(walked.found.length, 2990);
  assert.equal(counted, 2990);
  assert.deepEqual(walked.unreadable.length, 10);
  assert.ok(walked.unreadable.includes("many/2999.txt"));
});

for (const count of [0, 1, 99, 100, 101, 200, 1001]) {
  test(`the page reads a folder of ${count} file(s) completely, although the browser lists at most 100 files at a time`, async () => {
    const walked = await walk([rootOf(folderEntry("f", numbered(count, (name) => fileEntry(name))))]);

    assert.equal(walked.found.length, count);
    assert.deepEqual(walked.empty, count === 0 ? ["f"] : []);
  });
}

test("if the browser cannot list a folder to the end, the page names the folder and keeps the files found before", async () => {
  const whole = folderEntry("whole", [fileEntry("a.txt")]);
  const closed = folderEntry("closed", [], { failsAfter: 0 });
  const half = folderEntry("half", numbered(150, (name) => fileEntry(name)), { failsAfter: 100 });

  const walked = await walk([rootOf(folderEntry("trip", [whole, closed, half]))]);

  assert.equal(walked.found.length, 101);
  assert.deepEqual(walked.unreadable.sort(), ["trip/closed/", "trip/half/"]);
  assert.deepEqual(walked.empty, []);
});

test("the page finds all files and folders whose names differ only in case", async () => {
  const folders = [
    folderEntry("A", [fileEntry("x.txt")]),
    folderEntry("a", [fileEntry("x.txt"), fileEntry("X.TXT")]),
    fileEntry("README.txt"),
    fileEntry("readme.txt"),
  ];

  const walked = await walk([rootOf(folderEntry("r", folders))]);

  assert.deepEqual(pathsOf(walked), ["r/A/x.txt", "r/README.txt", "r/a/X.TXT", "r/a/x.txt", "r/readme.txt"]);
});

test("if files and folders are dropped together, the page finds all files; only files in folders have a path", async () => {
  const roots = [fileEntry("a.txt"), fileEntry("a.txt"), folderEntry("f", [fileEntry("a.txt")]), folderEntry("e", [])];

  const walked = await walk(roots.map((entry) => rootOf(entry)));

  assert.deepEqual(walked.found.map(({ path }) => path).sort(), ["", "", "f/a.txt"]);
  assert.deepEqual(walked.empty, ["e"]);
});

test("the page finds a file below 50 nested folders", async () => {
  let folder = folderEntry("49", [fileEntry("deep.txt")]);
  for (let depth = 48; depth >= 0; depth -= 1) folder = folderEntry(`${depth}`, [folder]);

  const [{ path }] = (await walk([rootOf(folder)])).found;

  assert.equal(path.split("/").length, 51);
});

test("an entry that is neither file nor folder is listed as unreadable", async () => {
  const socket = { name: "socket", isFile: false, isDirectory: false };

  const walked = await walk([rootOf(folderEntry("f", [socket, fileEntry("a.txt")]))]);

  assert.deepEqual([pathsOf(walked), walked.unreadable], [["f/a.txt"], ["f/socket"]]);
});

test("a dropped file that cannot be opened is listed as unreadable", async () => {
  const walked = await walk([rootOf(fileEntry("good.txt")), rootOf(fileEntry("bad.txt", "NotFoundError"), new File([""], "bad.txt"))]);

  assert.deepEqual([pathsOf(walked), walked.unreadable], [["good.txt"], ["bad.txt"]]);
});

test("if the browser offers only file handles, the page finds the files of a folder and lists unreadable files", async () => {
  const fileHandle = (name, problem) => ({
    name,
    kind: "file",
    getFile: async () => (problem ? Promise.reject(new DOMException("No.", problem)) : new File([name], name)),
  });
  const folder = (name, children, problem) => ({
    name,
    kind: "directory",
    async *values() {
      yield* children;
      if (problem) throw new DOMException("No.", problem);
    },
  });
  const children = [fileHandle("a.txt"), fileHandle("b2.txt", "NotFoundError"), folder("empty", []), folder("shut", [], "NotAllowedError")];
  const handle = Promise.resolve(folder("trip", children));

  const walked = await walk([{ name: "item 1", entry: null, file: null, handle }]);

  assert.deepEqual([pathsOf(walked), walked.unreadable, walked.empty], [["trip/a.txt"], ["trip/b2.txt", "trip/shut/"], ["trip/empty"]]);
});

test("if the browser cannot read folders, the page finds the dropped files and lists the folders as unreadable", async () => {
  const folder = { name: "f", slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException("No.", "NotReadableError")) }) };
  const roots = [
    { name: "a.txt", entry: null, file: new File(["x"], "a.txt") },
    { name: "f", entry: null, file: folder },
    { name: "item 3", entry: null, file: null },
  ];

  const walked = await walk(roots);

  assert.deepEqual([pathsOf(walked), walked.unreadable], [["a.txt"], ["f", "item 3"]]);
});

test("while the page reads a folder of 3,000 files, the browser can run other tasks", async () => {
  const busy = (milliseconds) => {
    for (const end = performance.now() + milliseconds; performance.now() < end; );
  };
  const atOnce = (name) => ({ ...fileEntry(name), file: (resolve) => (busy(0.1), resolve(new File([name], name))) });
  let turns = 0;
  const rest = async () => {
    turns += 1;
    await new Promise((resolve) => setImmediate(resolve));
  };

  const walked = await walk([rootOf(folderEntry("many", numbered(3000, atOnce)))], { rest });

  assert.equal(walked.found.length, 3000);
  assert.ok(turns >= 10, `${turns} turns in 300 ms of work`);
});
