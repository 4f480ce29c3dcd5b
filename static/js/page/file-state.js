import { Clock } from "../engine/clock.js";
import { PollPace } from "../engine/poll-pace.js";

/**
 * Ask the server repeatedly for the state of a file in inspection. After the inspection has ended, reload the page.
 *
 * If a dialog is open, reload after the person has closed it.
 *
 * @param {string} url the URL of the upload in the API
 * @param {{
 *   pace?: Pick<PollPace, "pause">,
 *   fetch?: typeof globalThis.fetch,
 *   isBusy?: () => boolean,
 *   reload?: () => void,
 * }} [parts] tests pass replacements
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
      .catch(() => false); // the request failed, so ask again later
    if (isOver && !isBusy()) return reload();
  }
}
