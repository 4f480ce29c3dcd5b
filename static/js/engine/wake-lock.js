import { serviceOf, within } from "./time-limit.js";

const ANSWER_MS = 3_000;

/**
 * Keep the screen on during uploads, if the browser supports this. Return a function that lets the screen turn off again.
 *
 * The browser releases the wake lock of a hidden page. So this function requests it again when the page becomes visible.
 *
 * @param {Pick<Document, "addEventListener" | "removeEventListener" | "visibilityState">} document
 * @param {{wakeLock?: Pick<WakeLock, "request">}} navigator
 * @param {Pick<import("./engine.js").Engine, "active" | "on">} engine
 */
export function keepAwake(document, navigator, engine) {
  const wakeLock = serviceOf(() => navigator.wakeLock);
  /** @type {Promise<Pick<WakeLockSentinel, "release" | "released"> | null> | null} */
  let lock = null;
  const hold = async () => {
    if (!wakeLock || !engine.active || document.visibilityState !== "visible") return;
    if (lock && !((await lock)?.released ?? true)) return;
    // The browser may refuse, for example to save the battery, or may not respond. Then the screen may turn off.
    lock = within(ANSWER_MS, () => wakeLock.request("screen"), (tooLate) => void tooLate.release()).catch(() => null);
  };
  const letGo = async () => {
    const held = lock;
    lock = null;
    await (await held)?.release().catch(() => {});
  };
  const follow = () => void (engine.active ? hold() : letGo());
  follow();
  document.addEventListener("visibilitychange", follow);
  const stop = engine.on("active", follow);
  return () => {
    stop();
    document.removeEventListener("visibilitychange", follow);
    void letGo();
  };
}
