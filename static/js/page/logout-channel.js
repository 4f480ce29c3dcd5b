import { serviceOf } from "../engine/time-limit.js";

const NAME = "slipway-logout";

const channel = serviceOf(() => new BroadcastChannel(NAME));
const storage = serviceOf(() => localStorage);

/**
 * Tell the other tabs of this browser that the person logs out. Never throws, so that the logout goes on.
 *
 * Without BroadcastChannel, the message is sent as a change of the local storage.
 *
 * @param {string} tab the name of this tab
 */
export function tellLogout(tab) {
  try {
    if (channel) return channel.postMessage(tab);
    storage?.setItem(NAME, tab);
    storage?.removeItem(NAME);
  } catch {
    // The other tabs notice at their next request.
  }
}

/** @param {(tab: string) => void} listener gets the name of the tab */
export function onLogout(listener) {
  if (channel) return channel.addEventListener("message", ({ data }) => listener(data));
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key === NAME && newValue) listener(newValue);
  });
}
