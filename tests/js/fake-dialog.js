/** A stub of the page's dialog for questions. */
export function fakePage() {
  const form = new EventTarget();
  form.querySelector = () => ({ disabled: false });
  const dialog = Object.assign(new EventTarget(), {
    open: false,
    querySelector: () => form,
    showModal: () => (dialog.open = true),
    close() {
      dialog.open = false;
      setImmediate(() => dialog.dispatchEvent(new Event("close")));
    },
  });
  const parts = new Map([["confirm-dialog", dialog]]);
  globalThis.document = { getElementById: (id) => parts.get(id) ?? parts.set(id, {}).get(id) };
  return { dialog, form, text: (id) => parts.get(id).textContent };
}
