/**
 * Runs the self-test on the doctor's page. The operator's browser sends the same requests as for a real upload.
 *
 * A script gets the same error for a CORS, DNS or TLS failure. To find the cause, the self-test sends a second request
 * with the mode `no-cors`. This request succeeds if the browser reaches the bucket, even if the CORS rule is wrong.
 * If the page's Content-Security-Policy blocks a request, the browser also fires a `securitypolicyviolation` event.
 */

/** @typedef {{method: string, url: string, headers: Record<string, string>}} Signed */
/** @typedef {{url: string, fields: Record<string, string>}} SignedForm */
/** @typedef {{title: string, status: string, fact?: string, consequence?: string, fix?: string}} Finding */
/** @typedef {{body: string, bucket: string, ticket: string, requests: {put: Signed, part: Signed, form: SignedForm, download: Signed}}} Plan */

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("self-test"));
const list = /** @type {HTMLElement | null} */ (document.getElementById("self-test-findings"));
/** @type {string[]} */
const blocked = [];

document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.blockedURI));
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  void test(form);
});

/** @param {HTMLFormElement} form */
async function test(form) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  button.disabled = true;
  list?.replaceChildren();
  try {
    await run(form);
  } catch (error) {
    show({ title: "The self-test", status: "FAIL", fact: String(error) });
  } finally {
    button.disabled = false;
  }
}

/** @param {HTMLFormElement} form */
async function run(form) {
  const plan = /** @type {Plan} */ (await ask(form.dataset.begin ?? "", form));
  const body = Uint8Array.from(atob(plan.body), (letter) => letter.charCodeAt(0));
  const { put, part, form: post, download } = plan.requests;
  show(await attempt("This browser can send a PUT", plan, put.headers, "PUT", () => send(put, body)));
  show(await attempt("This browser can send a part", plan, part.headers, "PUT", () => send(part, body)));
  show(await attempt("This browser can send a form", plan, {}, "POST", () => sendForm(post, body)));
  show(await attempt("This browser can download an object", plan, {}, "GET", () => receive(download, body)));
  const { findings } = /** @type {{findings: Finding[]}} */ (await ask(form.dataset.end ?? "", form, plan.ticket));
  for (const finding of findings) show(finding);
}

/**
 * @param {string} title
 * @param {Plan} plan
 * @param {Record<string, string>} headers
 * @param {string} method
 * @param {() => Promise<string>} act sends the request; returns "", or a sentence about a wrong response
 * @returns {Promise<Finding>}
 */
async function attempt(title, plan, headers, method, act) {
  blocked.length = 0;
  try {
    const wrong = await act();
    if (!wrong) return { title, status: "OK" };
    return { title, status: "FAIL", fact: wrong, fix: "Press Examine below. The server then sends its own test requests to the bucket." };
  } catch {
    return { title, status: "FAIL", ...(await explain(plan.bucket, Object.keys(headers), method)) };
  }
}

/**
 * @param {string} bucket
 * @param {string[]} headers
 * @param {string} method
 * @returns {Promise<{fact: string, fix: string}>}
 */
async function explain(bucket, headers, method) {
  await new Promise((resolve) => setTimeout(resolve, 100)); // fetch may fail before the event `securitypolicyviolation`
  if (blocked.some((address) => address.startsWith(bucket) || bucket.startsWith(address))) {
    return {
      fact: "The page's Content-Security-Policy forbids requests to the bucket.",
      fix: `Add ${bucket} to connect-src in the header Content-Security-Policy. Either the site or a proxy sets this header.`,
    };
  }
  if (location.protocol === "https:" && bucket.startsWith("http:")) {
    return { fact: "This page uses https, so the browser blocks requests to the bucket over http.", fix: "Serve the bucket over https." };
  }
  if (await answers(bucket)) {
    const names = headers.length ? ` with the headers ${headers.map((name) => name.toLowerCase()).join(", ")}` : "";
    return {
      fact: `The bucket answers, but its CORS rule does not allow ${method} from ${location.origin}${names}.`,
      fix: "Apply the site's CORS rule: manage.py setup_bucket --apply",
    };
  }
  return {
    fact: `This browser cannot reach ${bucket}. The host name or the certificate may be wrong, or the network may block the connection.`,
    fix: "Set S3_PUBLIC_ENDPOINT_URL to a URL of S3 that browsers can reach.",
  };
}

/** @param {string} url */
async function answers(url) {
  try {
    await fetch(url, { mode: "no-cors", credentials: "omit", cache: "no-store" });
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {Signed} request
 * @param {Uint8Array<ArrayBuffer>} body
 */
async function send(request, body) {
  const { method, headers } = request;
  const answer = await fetch(request.url, { method, headers, body, credentials: "omit" });
  return answer.ok ? "" : inWords(answer);
}

/**
 * @param {SignedForm} signed
 * @param {Uint8Array<ArrayBuffer>} body
 */
async function sendForm(signed, body) {
  const data = new FormData();
  for (const [name, value] of Object.entries(signed.fields)) data.append(name, value);
  data.append("file", new Blob([body]), "probe.bin");
  const answer = await fetch(signed.url, { method: "POST", body: data, credentials: "omit" });
  return answer.ok ? "" : inWords(answer);
}

/**
 * @param {Signed} request
 * @param {Uint8Array<ArrayBuffer>} body
 */
async function receive(request, body) {
  const answer = await fetch(request.url, { credentials: "omit", cache: "no-store" });
  if (!answer.ok) return inWords(answer);
  const found = new Uint8Array(await answer.arrayBuffer());
  const isSame = found.length === body.length && found.every((byte, index) => byte === body[index]);
  return isSame ? "" : "The bytes from the bucket differ from the bytes that the browser sent.";
}

/** @param {Response} answer */
async function inWords(answer) {
  const text = await answer.text();
  const code = /<Code>([^<]+)</.exec(text)?.[1] ?? "";
  const message = /<Message>([^<]+)</.exec(text)?.[1] ?? "";
  return `The bucket answered ${answer.status} ${code} ${message}`.trim();
}

/**
 * @param {string} url
 * @param {HTMLFormElement} form
 * @param {string} ticket
 */
async function ask(url, form, ticket = "") {
  const data = new FormData(form);
  data.append("ticket", ticket);
  const answer = await fetch(url, { method: "POST", body: data, headers: { Accept: "application/json" } });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.detail ?? `The site answered with an error (${answer.status}).`);
  return found;
}

/** @param {Finding} finding */
function show(finding) {
  const item = element("li", `finding finding--${finding.status.toLowerCase()}`);
  const body = element("div", "finding__body");
  item.append(element("span", "finding__status", finding.status), body);
  const isExpected = finding.status === "OK" || finding.status === "SKIP";
  body.append(element("p", "finding__title", isExpected ? finding.title : `Expected: ${finding.title}`));
  if (finding.fact) body.append(element("p", "finding__fact", isExpected ? finding.fact : `Found: ${finding.fact}`));
  if (finding.consequence) body.append(element("p", "", finding.consequence));
  if (finding.fix) body.append(element("p", "finding__fix", finding.fix));
  list?.append(item);
}

/**
 * @param {string} name
 * @param {string} className
 * @param {string} text
 */
function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
