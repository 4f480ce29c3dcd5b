const FILLING_MS = 400;
const DRAINING_MS = 100;

/**
 * S3 in memory. It stores the bodies of presigned requests and refuses other requests. Tests can make
 * requests fail.
 *
 * The network transfers `bytesPerMs` for all bodies together, and at most `bytesPerMsEach` for one body. Progress is
 * reported at each quarter of a body, or every `stepMs`. The reported progress is ahead by `buffer` bytes, as in a
 * browser. For `connectMs`, a body opens its connection and does not use the line.
 */
export class FakeStorage {
  constructor({ clock, network, bytesPerMs, bytesPerMsEach = Infinity, stepMs = 0, delayMs = 10, connectMs = 0, buffer = 0 }) {
    Object.assign(this, { clock, network, bytesPerMs, bytesPerMsEach, stepMs, delayMs, connectMs, buffer });
    /** key -> checksum */
    this.objects = new Map();
    /** key -> Map(part_number -> {byte_size, checksum}) */
    this.multiparts = new Map();
    /** every body that arrived: {key, partNumber, method, hasListeners, status, at} */
    this.requests = [];
    this.inFlight = new Set();
    /** number of closed connections whose buffers still send */
    this.draining = 0;
    /** number of bodies whose connections are being opened */
    this.connecting = 0;
    this.maxInFlight = 0;
    this.maxPerHost = 0;
    /** (request) => fault: "network" | "unreadable" | "lost" | "stall" | a status | [status, code] | undefined */
    this.fault = () => undefined;
  }

  createXhr() {
    return new FakeXhr(this);
  }

  /** The bytes per millisecond of one connection. */
  get speed() {
    const sending = this.inFlight.size - this.connecting + this.draining;
    return Math.min(this.bytesPerMs / Math.max(1, sending), this.bytesPerMsEach);
  }

  /** Send the bytes that are in the buffer of a closed connection. They use the line, but S3 ignores them. */
  drain(bytes) {
    this.draining += 1;
    const step = (left) => {
      const sent = this.speed * DRAINING_MS;
      this.clock.after(DRAINING_MS, () => (left > sent ? step(left - sent) : (this.draining -= 1)));
    };
    step(bytes);
  }

  failAll() {
    for (const xhr of [...this.inFlight]) xhr.fail();
  }

  stored(key) {
    return this.requests.filter((request) => request.key === key && request.status < 300);
  }

  receive({ method, sent, began }) {
    const { key, partNumber, checksum, expires, signed, body } = sent;
    const refuse = (status, code) => ({ status, text: `<Error><Code>${code}</Code></Error>`, key, partNumber });
    if (began > expires) return refuse(403, "AccessDenied");
    if (checksum !== signed) return refuse(403, "SignatureDoesNotMatch");
    if (checksum !== body.checksum) return refuse(400, "BadDigest");
    if (partNumber) {
      const parts = this.multiparts.get(key);
      if (!parts) return refuse(404, "NoSuchUpload");
      parts.set(partNumber, { byte_size: body.size, checksum: body.checksum });
    } else {
      if (method === "PUT" && this.objects.has(key)) return refuse(412, "PreconditionFailed");
      this.objects.set(key, { byte_size: body.size, checksum: body.checksum });
    }
    return { status: method === "POST" ? 201 : 200, text: "", key, partNumber };
  }
}

/** Return what S3 reads in a request: its key, its checksum, its signed values, and its body. */
function parse({ method, url, headers, body }) {
  if (method === "POST") return parseForm(headers["content-type"], body);
  const { pathname, searchParams } = new URL(url);
  return {
    key: decodeURIComponent(pathname.slice(1)),
    partNumber: Number(searchParams.get("part")) || undefined,
    checksum: headers["x-amz-checksum-sha256"] ?? headers["x-amz-checksum-crc64nvme"],
    expires: Number(searchParams.get("expires")),
    signed: searchParams.get("checksum"),
    body: body instanceof ArrayBuffer ? bodyOf(new TextDecoder().decode(body)) : body,
  };
}

function parseForm(type, body) {
  const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(type)[1];
  const parts = new TextDecoder().decode(body).split(`--${boundary}`).slice(1, -1);
  const fields = parts.map((part) => {
    const [, name, value] = /name="([^"]+)".*?\r\n\r\n(.*)\r\n$/s.exec(part);
    return [name, value];
  });
  const [last, file] = fields.pop();
  if (last !== "file") throw new Error("The file must be the last field of a form.");
  const { key, expires, policy, "x-amz-checksum-sha256": checksum } = Object.fromEntries(fields);
  return { key, checksum, expires: Number(expires), signed: policy, body: bodyOf(file) };
}

/** Return the body whose bytes `contentOf` in world.js has made. */
function bodyOf(text) {
  return { size: text.length, checksum: text.replace(/\0+$/, ""), file: { readable: true } };
}

class FakeXhr {
  constructor(storage) {
    this.storage = storage;
    this.headers = {};
    this.upload = {};
    this.status = 0;
    this.responseText = "";
    this.cancel = () => {};
    this.hidden = 0; // bytes that the browser has passed to the connection, but that S3 has not received
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
    this.sent = parse(this);
    this.hasListeners = Object.values(this.upload).some(Boolean);
    this.began = storage.clock.now(); // S3 checks the expiry only when the request begins
    storage.inFlight.add(this);
    storage.maxInFlight = Math.max(storage.maxInFlight, storage.inFlight.size);
    const { host } = new URL(this.url);
    const there = [...storage.inFlight].filter((xhr) => new URL(xhr.url).host === host).length;
    storage.maxPerHost = Math.max(storage.maxPerHost, there);
    if (!storage.network.isUp) return this.#later(5, () => this.fail());
    this.wanted = storage.fault({ key: this.sent.key, partNumber: this.sent.partNumber, method: this.method });
    if (storage.connectMs) this.#connect();
    else this.#step(0);
  }

  #connect() {
    const { storage } = this;
    storage.connecting += 1;
    const timer = storage.clock.after(storage.connectMs, () => (this.cancel(), this.#step(0)));
    this.cancel = () => {
      timer();
      storage.connecting -= 1;
      this.cancel = () => {};
    };
  }

  abort() {
    if (this.hidden > 0 && this.storage.inFlight.has(this)) this.storage.drain(this.hidden);
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
    const { size, file } = this.sent.body;
    const { stepMs, buffer } = this.storage;
    const { speed } = this.storage;
    const share = Math.max(1, Math.ceil(stepMs ? stepMs * speed : size / 4));
    const next = Math.min(size, sent + share);
    const delay = stepMs && sent > 0 ? 0 : this.storage.delayMs;
    this.#later(delay + (next - sent) / speed, () => {
      if (this.wanted === "unreadable") this.sent.body.hasFailed = true;
      if (!file.readable || this.sent.body.hasFailed || this.wanted === "network") return this.fail();
      const filled = Math.min(1, (this.storage.clock.now() - this.began) / FILLING_MS);
      this.hidden = Math.min(size - next, buffer * filled);
      this.upload.onprogress?.({ loaded: next + this.hidden });
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
    const { method, hasListeners, sent } = this;
    storage.requests.push({
      key: sent.key,
      partNumber: sent.partNumber,
      method,
      hasListeners,
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
