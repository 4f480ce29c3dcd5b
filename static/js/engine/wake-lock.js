import { serviceOf, within } from "./time-limit.js";

const ANSWER_MS = 3_000;

/**
 * Keep the screen awake during uploads if the browser can; return a function that stops it.
 *
 * The browser releases the lock of a hidden page, so it is requested again when the page becomes visible.
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
    // A battery saver may refuse, or the browser may not answer. Then the screen may sleep.
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
