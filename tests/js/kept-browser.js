import { Emitter } from "../../static/js/engine/emitter.js";
import { IDBFactory } from "fake-indexeddb";
import { KeptFiles } from "../../static/js/page/kept-files.js";
import { KeptStore } from "../../static/js/page/kept-store.js";
import { PageExit } from "../../static/js/page/page-exit.js";
import { Tabs } from "../../static/js/page/tabs.js";

const NO_WAIT = { sleep: async () => {} };
export const settle = async (rounds = 30) => {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** The Web Locks of one browser. `close` closes a tab, which releases its locks. */
class Locks {
  #held = new Map();

  tab() {
    const mine = [];
    const request = async (name, ...rest) => {
      const act = rest.at(-1);
      while (this.#held.has(name)) {
        if (rest.length > 1 && rest[0].ifAvailable) return act(null);
        await this.#held.get(name);
      }
      const { promise, resolve } = signal();
      this.#held.set(name, promise);
      mine.push(name);
      try {
        return await act({ name });
      } finally {
        this.#held.delete(name);
        resolve();
      }
    };
    const query = async () => ({ held: [...this.#held.keys()].map((name) => ({ name })) });
    return { request, query, close: () => mine.forEach((name) => this.#held.delete(name)) };
  }
}

function signal() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

class Handle extends Emitter {
  state = "queued";
  record = null;
  error = null;

  constructor(file, key) {
    super();
    Object.assign(this, { file, key });
  }

  become(state, changes = {}) {
    Object.assign(this, { state, ...changes });
    this.emit("state", state);
  }
}

/** Return a file that reports `size` but has five bytes, so that tests need no gigabytes. */
export function file(name, size = 5) {
  const made = new File(["bytes"], name, { lastModified: 1_700_000_000_000 });
  if (size !== 5) Object.defineProperty(made, "size", { value: size });
  return made;
}

/** One browser with its storage and tabs. */
export class Browser {
  locks = new Locks();
  store = new KeptStore(new IDBFactory());
  handles = new Map();

  open({ owner = "ada", store = this.store, window, clock = NO_WAIT } = {}) {
    const locks = this.locks.tab();
    const tabs = new Tabs(locks);
    const engine = new Emitter();
    const handleOf = async (one) => this.handles.get(one.name) ?? null;
    const keptFiles = new KeptFiles({ store, tabs, owner, handleOf, pageExit: new PageExit(window), clock });
    tabs.follow(engine);
    keptFiles.follow(engine);
    let keys = 0;
    const add = (one) => {
      const handle = new Handle(one, `key-${(keys += 1)}`);
      engine.emit("added", { upload: handle, declaration: { filename: one.name, content_type: "text/plain" } });
      return handle;
    };
    return { tabs, keptFiles, add, close: locks.close };
  }

  async names() {
    return (await this.store.all()).map(({ filename }) => filename).sort();
  }
}
