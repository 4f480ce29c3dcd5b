import { formBody } from "../../../static/js/engine/form-body.js";

/** Send the content of a small file by one presigned form, as the upload page does. */
export function sendForm({ url, fields }, bytes) {
  return new Promise((resolve, reject) => {
    const { body, type } = formBody(fields, bytes);
    const xhr = new XMLHttpRequest();
    xhr.open("POST", url);
    xhr.setRequestHeader("Content-Type", type);
    xhr.onload = () => (xhr.status < 300 ? resolve() : reject(new Error(`S3 answered ${xhr.status}`)));
    xhr.onerror = () => reject(new Error("The form failed."));
    xhr.send(body);
  });
}
