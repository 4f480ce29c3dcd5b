/**
 * Creates or uses a passkey (WebAuthn) when the person submits a form, and sends the credential with the form.
 *
 * - `data-passkey` ("create" or "get") marks such a form. The form is hidden if passkeys are not supported here.
 * - `data-passkey-link` marks other elements that are shown only if passkeys are supported.
 * - `data-passkey-unsupported` marks an element that shows why passkeys are not supported.
 * - `data-options` is the URL of a form's WebAuthn options. Without this attribute, the options are in the page.
 *   The login page has the attribute, so that the server creates options only if the person presses the button.
 */

const forms = /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-passkey]"));
const problem = whyNot();

for (const form of forms) {
  form.hidden = problem !== "";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
}
for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-passkey-link]"))) {
  link.hidden = problem !== "";
}
for (const note of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-passkey-unsupported]"))) {
  note.textContent = problem;
  note.hidden = problem === "";
}

/** @returns {string} the reason why this browser or address does not support passkeys, or "" */
function whyNot() {
  if (!isSecureContext) return "Passkeys need HTTPS. Open this site by its https address.";
  if (/^[\d.]+$|:/.test(location.hostname)) {
    return "Passkeys do not work if the address of the site is an IP address. Open the site by its host name, such as localhost.";
  }
  const can = "PublicKeyCredential" in window && "parseCreationOptionsFromJSON" in PublicKeyCredential;
  return can ? "" : "This browser cannot use passkeys. Update the browser, or use a password or a code instead of a passkey.";
}

/** @param {HTMLFormElement} form */
async function send(form) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const error = /** @type {HTMLElement} */ (form.querySelector("[data-passkey-error]"));
  error.hidden = true;
  button.disabled = true;
  try {
    const { creation_options: creation, request_options: request } = await optionsOf(form);
    const credential = /** @type {PublicKeyCredential} */ (
      form.dataset.passkey === "create" ? await create(form, creation.publicKey) : await get(request.publicKey)
    );
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("credential"));
    field.value = JSON.stringify(credential);
    form.submit();
  } catch (failure) {
    error.textContent = explain(/** @type {Error} */ (failure));
    error.hidden = false;
    button.disabled = false;
  }
}

/** @param {HTMLFormElement} form */
async function optionsOf(form) {
  const url = form.dataset.options;
  if (!url) return JSON.parse(document.getElementById("passkey-options")?.textContent ?? "");
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The site answered with an error (${answer.status}).`);
  return answer.json();
}

/**
 * @param {HTMLFormElement} form
 * @param {PublicKeyCredentialCreationOptionsJSON} options
 */
function create(form, options) {
  const passwordless = /** @type {HTMLInputElement | null} */ (form.elements.namedItem("passwordless"))?.checked;
  if (passwordless) {
    options.authenticatorSelection = {
      ...options.authenticatorSelection,
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    };
  }
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
}

/** @param {PublicKeyCredentialRequestOptionsJSON} options */
function get(options) {
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

/**
 * @param {Error} failure
 * @returns {string} what happened, and what to do
 */
function explain({ name, message }) {
  if (name === "InvalidStateError") return "This device already has a passkey for this account.";
  if (name === "NotAllowedError") return "No passkey was confirmed. Try again, or use a password or a code instead of a passkey.";
  return `An error occurred: ${message} Try again, or use a password or a code instead of a passkey.`;
}
