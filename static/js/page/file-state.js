import { Clock } from "../engine/clock.js";
import { PollPace } from "../engine/poll-pace.js";

/**
 * Reload the page of a file when its inspection has ended.
 *
 * While a dialog is open, the page waits until the person has closed it.
 *
 * @param {string} url the API address of the file
 * @param {{
 *   pace?: Pick<PollPace, "pause">,
 *   fetch?: typeof globalThis.fetch,
 *   isBusy?: () => boolean,
 *   reload?: () => void,
 * }} [parts] replaced in tests
 */
export async function reloadWhenInspected(
  url,
  {
    pace = new PollPace({ clock: new Clock(), isWatched: () => !document.hidden }),
    fetch = globalThis.fetch.bind(globalThis),
    isBusy = () => document.querySelector("dialog[open]") !== null,
    reload = () => location.reload(),
  } = {},
) {
  for (let round = 0; ; round += 1) {
    await pace.pause(round);
    const isOver = await fetch(url, { headers: { Accept: "application/json" } })
      .then(async (answer) => !answer.ok || (await answer.json()).state !== "inspecting")
      .catch(() => false); // no network: ask again
    if (isOver && !isBusy()) return reload();
  }
}
