/* A page that sends with Uppy 6, configured as in Uppy's documentation. peer_server.py presigns each request. */
import Uppy from "@uppy/core";
import AwsS3 from "@uppy/aws-s3";
import { sendForm } from "./small_form.js";

const input = document.querySelector("input");

/** Send the chosen files with Uppy. If `multipart` is null, Uppy decides by the file size. */
window.sendWithUppy = (multipart) =>
  new Promise((resolve, reject) => {
    const uppy = new Uppy({ autoProceed: false });
    uppy.use(AwsS3, {
      shouldUseMultipart: multipart === null ? undefined : () => multipart,
      signRequest: async (request) => (await fetch("/sign", { method: "POST", body: JSON.stringify(request) })).json(),
    });
    uppy.addFiles([...input.files].map((data) => ({ name: data.name, type: data.type, data })));
    const began = performance.now();
    uppy.on("complete", ({ successful, failed }) => {
      if (failed.length > 0) reject(new Error(String(failed[0].error)));
      else resolve({ seconds: (performance.now() - began) / 1000, files: successful.length });
    });
    uppy.upload().catch(reject);
  });

/** Call `send` for each chosen file, six at a time, because browsers open six connections to a host. */
async function sendAll(send) {
  const files = [...input.files];
  const began = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < files.length) {
      const index = next++;
      await send(files[index], index);
    }
  };
  await Promise.all(Array.from({ length: 6 }, lane));
  return { seconds: (performance.now() - began) / 1000, files: files.length };
}

/** Send the chosen files with one PUT request each. */
window.sendPuts = (urls) =>
  sendAll(async (file, index) => {
    const response = await fetch(urls[index], { method: "PUT", body: file.slice(0, file.size, "") });
    if (!response.ok) throw new Error(`S3 answered ${response.status}`);
  });

/** Read the chosen files, and send each of them by one form, as the upload page does. */
window.sendForms = (forms) => sendAll(async (file, index) => sendForm(forms[index], await file.arrayBuffer()));
window.isReady = true;
