const PART_SIZE = 16 * 1024 * 1024;
const EPOCH = Date.UTC(2031, 4, 5); // far from this machine's clock, so that code with the wrong clock fails

/** The site's API in memory. Tests can make requests fail. */
export class FakeServer {
  constructor({ clock, network, storage, latencyMs, lifetimeMs }) {
    Object.assign(this, { clock, network, storage, latencyMs, lifetimeMs });
    this.uploads = new Map();
    this.keys = new Map();
    /** calls such as "POST /uploads", in order, without ids */
    this.calls = [];
    /** (call) => "network" | "lost" | a status | undefined */
    this.fault = () => undefined;
    /** (call, cost) => {status, code, retry_after} | undefined, as the server's rate limits would answer */
    this.limit = () => undefined;
    /** returns the fields that `complete` sets in an upload whose bytes have all arrived */
    this.verdict = () => ({ state: "ready" });
    /** declaration -> problem | undefined */
    this.refuse = () => undefined;
    this.inspections = 0;
    /** whether the server accepts the part size that the client requests */
    this.takesPartSize = false;
    /** number of host names of the bucket */
    this.hosts = 1;
  }

  fetch = async (url, { method, headers, body, signal }) => {
    const path = url.replace("/api/v1", "");
    const call = `${method} ${path.replace(/\/id-\d+/, "/{id}")}`;
    this.calls.push(call);
    await this.clock.sleep(this.latencyMs / 2, signal);
    if (!this.network.isUp) throw new TypeError("Failed to fetch");
    const fault = this.fault(call);
    if (fault === "network") throw new TypeError("Failed to fetch");
    if (typeof fault === "number") return this.#respond(fault, { code: `http_${fault}` });
    const limited = this.limit(call, cost(body && JSON.parse(body)));
    if (limited) {
      await this.clock.sleep(this.latencyMs / 2, signal);
      this.retryAfter = limited.retry_after && String(limited.retry_after);
      return this.#respond(limited.status, limited);
    }
    const { status, json } = this.#answer(method, path, body && JSON.parse(body), headers["Idempotency-Key"]);
    await this.clock.sleep(this.latencyMs / 2, signal);
    if (fault === "lost") throw new TypeError("Failed to fetch");
    return this.#respond(status, json);
  };

  count(call) {
    return this.calls.filter((made) => made === call).length;
  }

  inState(state) {
    return [...this.uploads.values()].filter((upload) => upload.state === state);
  }

  #respond(status, json) {
    const headers = { date: new Date(EPOCH + this.clock.now()).toUTCString(), "retry-after": this.retryAfter };
    return {
      ok: status < 400,
      status,
      headers: { get: (name) => (status < 400 && name === "Retry-After" ? null : (headers[name.toLowerCase()] ?? null)) },
      text: async () => (json === undefined ? "" : JSON.stringify(json)),
    };
  }

  #answer(method, path, body, key) {
    const [, , id, verb] = path.split("/");
    if (path === "/uploads/batch") {
      const results = body.uploads.map((item, index) => this.#item(() => this.#startItem(item, `${key}/${index}`)));
      return { status: 200, json: { results } };
    }
    if (path === "/uploads/complete-batch") {
      return { status: 200, json: { results: body.ids.map((one) => this.#item(() => this.#complete(one))) } };
    }
    if (method === "POST" && path === "/uploads") return this.#start(body, key);
    const upload = this.uploads.get(id);
    if (!upload) return problem(404, "not_found");
    if (method === "DELETE") return this.#remove(upload);
    if (method === "GET" && verb === "parts") return this.#listParts(upload);
    if (method === "GET") return this.#get(upload);
    if (verb === "parts") return this.#presign(upload, body.parts);
    return this.#complete(id);
  }

  #item(act) {
    const { status, json } = act();
    return status < 400 ? { status, upload: json } : { status, problem: json };
  }

  #startItem({ idempotency_key, ...declaration }, key) {
    return this.#start(declaration, idempotency_key ?? key);
  }

  #start(declaration, key) {
    const known = this.uploads.get(this.keys.get(key));
    if (known) return { status: 201, json: this.#started(known) };
    const refusal = this.refuse(declaration);
    if (refusal) return problem(refusal.status, refusal.code, refusal);
    const id = `id-${this.uploads.size + 1}`;
    const multipart = declaration.transport === "multipart";
    const { relative_path = "", part_size: wish, ...rest } = declaration;
    const part_size = this.takesPartSize && wish ? wish : PART_SIZE;
    const upload = { id, part_size, state: "pending", key: `uploads/${id}`, relative_path, ...rest };
    if (this.algorithm) upload.checksum_algorithm = this.algorithm;
    this.uploads.set(id, upload);
    this.keys.set(key, id);
    if (multipart) this.storage.multiparts.set(upload.key, new Map());
    return { status: 201, json: this.#started(upload) };
  }

  #started(upload) {
    if (upload.transport === "multipart") return { ...present(upload), ...plan(upload) };
    const request = upload.state === "pending" ? this.#request(upload, declared(upload)) : null;
    return { ...present(upload), request };
  }

  #request(upload, [name, checksum], part) {
    if (upload.transport === "post") return this.#form(upload, name, checksum);
    const query = new URLSearchParams({ expires: String(this.clock.now() + this.lifetimeMs), checksum });
    if (part) query.set("part", String(part));
    return {
      method: "PUT",
      url: `https://storage${(part ?? Number(upload.id.replace(/\D/g, ""))) % this.hosts || ""}.test/${upload.key}?${query}`,
      headers: { [name]: checksum },
    };
  }

  #form({ key }, name, checksum) {
    const expires = String(this.clock.now() + this.lifetimeMs);
    return { method: "POST", url: "https://storage.test/", fields: { key, [name]: checksum, expires, policy: checksum } };
  }

  #presign(upload, parts) {
    if (upload.state !== "pending") return problem(409, "invalid_state");
    if (parts.length > 100) return problem(422, "invalid_request");
    const signed = parts.map(({ part_number, ...checksum }) => {
      const { url, headers } = this.#request(upload, declared(checksum), part_number);
      return { part_number, url, headers };
    });
    const expires_at = new Date(EPOCH + this.clock.now() + this.lifetimeMs).toISOString();
    return { status: 200, json: { expires_at, parts: signed } };
  }

  #listParts(upload) {
    const stored = this.storage.multiparts.get(upload.key) ?? new Map();
    const parts = [...stored].map(([part_number, { byte_size }]) => ({ part_number, byte_size }));
    return { status: 200, json: { ...plan(upload), parts } };
  }

  #get(upload) {
    if (upload.state === "inspecting" && --this.inspections <= 0) Object.assign(upload, this.settled ?? { state: "ready" });
    return { status: 200, json: present(upload) };
  }

  #complete(id) {
    const upload = this.uploads.get(id);
    if (["cancelled", "deleted", "expired"].includes(upload.state)) return problem(409, "invalid_state");
    if (upload.state === "pending") {
      const missing_parts = this.#missing(upload);
      if (missing_parts) return problem(409, "incomplete", { missing_parts: missing_parts.slice(0, 100) });
      Object.assign(upload, this.verdict(upload));
      this.storage.multiparts.delete(upload.key);
    }
    return { status: 200, json: present(upload) };
  }

  #missing(upload) {
    if (upload.transport !== "multipart") return this.storage.objects.has(upload.key) ? null : [];
    const stored = this.storage.multiparts.get(upload.key);
    const numbers = Array.from({ length: plan(upload).part_count }, (_, index) => index + 1);
    const missing = numbers.filter((number) => !stored.has(number));
    return missing.length > 0 ? missing : null;
  }

  #remove(upload) {
    upload.state = upload.state === "pending" ? "cancelled" : "deleted";
    this.storage.multiparts.delete(upload.key);
    this.storage.objects.delete(upload.key);
    return { status: 204, json: undefined };
  }
}

/** Return how much of its rate limit a request uses: one for each item. */
function cost(body) {
  return (body?.uploads ?? body?.ids ?? body?.parts ?? [1]).length;
}

/** Return the name of S3's header and the checksum. Exactly one checksum must be declared. */
function declared({ checksum_sha256, checksum_crc64nvme }) {
  if (Boolean(checksum_sha256) === Boolean(checksum_crc64nvme)) throw new Error("A request must declare one checksum.");
  return checksum_sha256 ? ["x-amz-checksum-sha256", checksum_sha256] : ["x-amz-checksum-crc64nvme", checksum_crc64nvme];
}

function plan({ byte_size, part_size }) {
  return { part_size, part_count: Math.ceil(byte_size / part_size) };
}

function present({ key: _key, ...upload }) {
  return { rejected_reason: null, ...upload };
}

function problem(status, code, members = {}) {
  return { status, json: { status, code, detail: code, ...members } };
}
