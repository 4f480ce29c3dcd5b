const FILLING_MS = 1_000;

/**
 * S3 in memory. It stores the bodies of presigned requests and refuses other requests. Tests can make
 * requests fail.
 *
 * The network transfers `bytesPerMs` for all bodies together, and at most `bytesPerMsEach` for one body. Progress is
 * reported at each quarter of a body, or every `stepMs`. The reported progress is ahead by `buffer` bytes, as in a
 * browser.
 */
export class FakeStorage {
  constructor({ clock, network, bytesPerMs, bytesPerMsEach = Infinity, stepMs = 0, delayMs = 10, buffer = 0 }) {
    Object.assign(this, { clock, network, bytesPerMs, bytesPerMsEach, stepMs, delayMs, buffer });
    /** key -> checksum */
    this.objects = new Map();
    /** key -> Map(part_number -> {byte_size, checksum}) */
    this.multiparts = new Map();
    /** every body that arrived: {key, partNumber, status, at} */
    this.requests = [];
    this.inFlight = new Set();
    this.maxInFlight = 0;
    this.maxPerHost = 0;
    /** (request) => fault: "network" | "unreadable" | "lost" | "stall" | a status | [status, code] | undefined */
    this.fault = () => undefined;
  }

  createXhr() {
    return new FakeXhr(this);
  }

  failAll() {
    for (const xhr of [...this.inFlight]) xhr.fail();
  }

  stored(key) {
    return this.requests.filter((request) => request.key === key && request.status === 200);
  }

  receive({ url, headers, body, began }) {
    const { pathname, searchParams } = new URL(url);
    const key = decodeURIComponent(pathname.slice(1));
    const partNumber = Number(searchParams.get("part")) || undefined;
    const refuse = (status, code) => ({ status, text: `<Error><Code>${code}</Code></Error>`, key, partNumber });
    if (began > Number(searchParams.get("expires"))) return refuse(403, "AccessDenied");
    const checksum = headers["x-amz-checksum-sha256"] ?? headers["x-amz-checksum-crc64nvme"];
    if (checksum !== searchParams.get("checksum")) return refuse(403, "SignatureDoesNotMatch");
    if (checksum !== body.checksum) return refuse(400, "BadDigest");
    if (partNumber) {
      const parts = this.multiparts.get(key);
      if (!parts) return refuse(404, "NoSuchUpload");
      parts.set(partNumber, { byte_size: body.size, checksum: body.checksum });
    } else {
      if (this.objects.has(key)) return refuse(412, "PreconditionFailed");
      this.objects.set(key, { byte_size: body.size, checksum: body.checksum });
    }
    return { status: 200, text: "", key, partNumber };
  }
}

class FakeXhr {
  constructor(storage) {
    this.storage = storage;
    this.headers = {};
    this.upload = {};
    this.status = 0;
    this.responseText = "";
    this.cancel = () => {};
  }

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.headers[name.toLowerCase()] = value;
  }

  getAllResponseHeaders() {
    return "";
  }

  send(body) {
    const { storage } = this;
    this.body = body;
    this.began = storage.clock.now(); // S3 checks the expiry only when the request begins
    storage.inFlight.add(this);
    storage.maxInFlight = Math.max(storage.maxInFlight, storage.inFlight.size);
    const { host } = new URL(this.url);
    const there = [...storage.inFlight].filter((xhr) => new URL(xhr.url).host === host).length;
    storage.maxPerHost = Math.max(storage.maxPerHost, there);
    if (!storage.network.isUp) return this.#later(5, () => this.fail());
    const url = new URL(this.url);
    this.wanted = storage.fault({
      key: decodeURIComponent(url.pathname.slice(1)),
      partNumber: Number(url.searchParams.get("part")) || undefined,
    });
    this.#step(0);
  }

  abort() {
    this.#end();
    this.onabort?.();
  }

  fail() {
    this.#end();
    this.status = 0;
    this.onerror();
  }

  #step(sent) {
    if (this.wanted === "stall" && sent > 0) return;
    const { size, file } = this.body;
    const { stepMs, buffer } = this.storage;
    const speed = Math.min(this.storage.bytesPerMs / this.storage.inFlight.size, this.storage.bytesPerMsEach);
    const share = Math.max(1, Math.ceil(stepMs ? stepMs * speed : size / 4));
    const next = Math.min(size, sent + share);
    const delay = stepMs && sent > 0 ? 0 : this.storage.delayMs;
    this.#later(delay + (next - sent) / speed, () => {
      if (this.wanted === "unreadable") this.body.hasFailed = true;
      if (!file.readable || this.body.hasFailed || this.wanted === "network") return this.fail();
      const filled = Math.min(1, (this.storage.clock.now() - this.began) / FILLING_MS);
      this.upload.onprogress?.({ loaded: Math.min(size, next + buffer * filled) });
      if (next < size) this.#step(next);
      else this.#answer();
    });
  }

  #answer() {
    this.upload.onload?.();
    const { storage } = this;
    let answer;
    if (typeof this.wanted === "number") answer = { status: this.wanted, text: "" };
    else if (Array.isArray(this.wanted)) answer = { status: this.wanted[0], text: `<Code>${this.wanted[1]}</Code>` };
    else answer = storage.receive(this);
    const { pathname, searchParams } = new URL(this.url);
    storage.requests.push({
      key: decodeURIComponent(pathname.slice(1)),
      partNumber: Number(searchParams.get("part")) || undefined,
      status: answer.status,
      at: storage.clock.now(),
    });
    if (this.wanted === "lost") return this.fail();
    this.#end();
    this.status = answer.status;
    this.responseText = answer.text;
    this.onload();
  }

  #later(milliseconds, callback) {
    this.cancel = this.storage.clock.after(milliseconds, callback);
  }

  #end() {
    this.cancel();
    this.storage.inFlight.delete(this);
  }
}
