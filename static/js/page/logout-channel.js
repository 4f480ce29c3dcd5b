import { serviceOf } from "../engine/time-limit.js";

const NAME = "slipway-logout";

const channel = serviceOf(() => new BroadcastChannel(NAME));
const storage = serviceOf(() => localStorage);

/**
 * Tell the other tabs of this browser that the person logs out. If the browser does not support BroadcastChannel, use a
 * change of the local storage as the message. Never throw, because an error would stop the logout.
 *
 * @param {string} tab the id of this tab
 */
export function tellLogout(tab) {
  try {
    if (channel) return channel.postMessage(tab);
    storage?.setItem(NAME, tab);
    storage?.removeItem(NAME);
  } catch {
    // The other tabs learn of the logout from the response to their next request.
  }
}

/**
 * Call `listener` when a script of this or another tab calls `tellLogout`.
 *
 * @param {(tab: string) => void} listener gets the id of the tab in which the person logs out
 */
export function onLogout(listener) {
  if (channel) return channel.addEventListener("message", ({ data }) => listener(data));
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key === NAME && newValue) listener(newValue);
  });
}
