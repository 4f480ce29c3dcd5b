import { Thumbnails } from "../../static/js/page/thumbnails.js";
import assert from "node:assert/strict";
import { test } from "node:test";

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const image = (name, size = 10) => {
  const made = new File(["x"], name, { type: "image/png" });
  Object.defineProperty(made, "size", { value: size });
  return made;
};

/** Create fake workers. They draw only when the test calls `drawAll`. */
function setUp({ answer = () => ({ picture: new Blob(["picture"]) }) } = {}) {
  const drawn = [];
  const workers = [];
  let pending = [];
  const createWorker = () => {
    const worker = {
      isOver: false,
      terminate: () => (worker.isOver = true),
      postMessage: (file) => {
        drawn.push(file.name);
        pending.push(() => {
          const data = answer(file);
          if (data) worker.onmessage({ data });
          else worker.onerror({});
        });
      },
    };
    workers.push(worker);
    return worker;
  };
  const drawAll = async () => {
    while (pending.length > 0) {
      for (const one of pending.splice(0)) one();
      await settle();
    }
  };
  pending = [];
  return { thumbnails: new Thumbnails({ createWorker }), drawn, workers, drawAll };
}

test("the page draws two thumbnails at a time, and begins with the latest request", async () => {
  const { thumbnails, drawn, workers, drawAll } = setUp();
  const files = ["1", "2", "3", "4"].map((name) => image(name));

  const urls = Promise.all(files.map((file) => thumbnails.want(file)));
  await settle();
  assert.deepEqual(drawn, ["4", "3"]);
  await drawAll();

  assert.ok((await urls).every((url) => url.startsWith("blob:")));
  assert.deepEqual([drawn, workers.length], [["4", "3", "2", "1"], 2]);
});

test("if a thumbnail is requested twice, a worker draws the thumbnail once; release deletes the thumbnail", async () => {
  const { thumbnails, drawn, drawAll } = setUp();
  const file = image("a.png");

  const [one, other] = [thumbnails.want(file), thumbnails.want(file)];
  await settle();
  await drawAll();
  assert.equal(await one, await other);
  assert.equal(thumbnails.of(file), await one);
  thumbnails.release([file]);

  assert.deepEqual([thumbnails.of(file), drawn.length], ["", 1]);
});

test("if a row is out of view, no worker draws the row's thumbnail until the row is in view again", async () => {
  const { thumbnails, drawn, drawAll } = setUp();
  const file = image("a.png");

  assert.equal(await thumbnails.want(file, () => false), "");
  assert.deepEqual(drawn, []);
  const back = thumbnails.want(file);
  await settle();
  await drawAll();

  assert.match(await back, /^blob:/);
});

test("files that are empty, larger than 64 MiB or not images are not sent to a worker", async () => {
  const { thumbnails, drawn } = setUp();
  const text = new File(["x"], "a.txt", { type: "text/plain" });

  const urls = await Promise.all([text, image("empty.png", 0), image("huge.png", 100 * 1024 * 1024)].map((file) => thumbnails.want(file)));

  assert.deepEqual([urls, drawn], [["", "", ""], []]);
});

test("if a worker cannot decode an image, the image gets no thumbnail, and the worker is not terminated", async () => {
  const { thumbnails, workers, drawAll } = setUp({ answer: ({ name }) => ({ picture: name === "bad.png" ? null : new Blob(["p"]) }) });

  const [bad, good] = [thumbnails.want(image("bad.png")), thumbnails.want(image("good.png"))];
  await settle();
  await drawAll();

  assert.equal(await bad, "");
  assert.match(await good, /^blob:/);
  assert.ok(workers.every(({ isOver }) => !isOver));
});

test("if the script of a worker fails, the page terminates the worker and does not wait for a thumbnail", async () => {
  const { thumbnails, workers, drawAll } = setUp({ answer: () => null });

  const url = thumbnails.want(image("a.png"));
  await settle();
  await drawAll();

  assert.deepEqual([await url, workers[0].isOver], ["", true]);
});
