import { sendForm } from "./small_form.js";

/* The shortest script that sends small files as the upload page does: hash, start, send by forms, complete. It shows no
   progress and no list, repeats no failed request, and keeps no copies for a reload. */
window.sendWithLeastScript = async (files) => {
  const GROUP = 100; // the maximum number of files in a request to the site
  const READ = 25; // files that are read at once, as the page's worker does
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const began = performance.now();
  const ready = []; // files that are started, but not sent
  const completions = [];
  let next = 0;
  let filling = null;
  let sent = [];

  const ask = async (path, body) => {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
    const response = await fetch(`/api/v1/uploads/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`The site answered ${response.status}`);
    return (await response.json()).results;
  };
  const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const read = async (group) => {
    const all = await new Blob(group).arrayBuffer();
    let end = 0;
    return group.map(({ size }) => all.slice(end, (end += size)));
  };
  const start = async () => {
    const group = files.slice(next, (next += GROUP));
    const contents = [];
    for (let first = 0; first < group.length; first += READ) contents.push(...(await read(group.slice(first, first + READ))));
    const digests = await Promise.all(contents.map((bytes) => crypto.subtle.digest("SHA-256", bytes)));
    const uploads = group.map((file, index) => ({
      filename: file.name,
      byte_size: file.size,
      content_type: file.type || "application/octet-stream",
      checksum_sha256: base64(digests[index]),
      transport: "post",
    }));
    const results = await ask("batch", { uploads });
    ready.push(...results.map(({ upload }, index) => ({ upload, bytes: contents[index] })));
  };
  const complete = () => {
    if (sent.length > 0) completions.push(ask("complete-batch", { ids: sent }));
    sent = [];
  };
  const lane = async () => {
    for (;;) {
      if (ready.length < GROUP && next < files.length) filling ??= start().finally(() => (filling = null));
      const one = ready.shift();
      if (one) {
        await sendForm(one.upload.request, one.bytes);
        if (sent.push(one.upload.id) === GROUP) complete();
      } else if (filling) await filling;
      else return;
    }
  };
  await Promise.all(Array.from({ length: 6 }, lane));
  complete();
  const results = (await Promise.all(completions)).flat();
  const states = results.filter(({ upload }) => upload?.state === "ready");
  return { seconds: (performance.now() - began) / 1000, files: states.length };
};
