// How a part of the model's page asks of the chosen window.

import { get, pathOf } from "../../api.js";
import { empty, h } from "../../dom.js";
import { after } from "../../format.js";

/** What the API says of exactly this window; null where it has no tiles on the baseline in force. */
export async function askWindow(data, what, window, more = {}) {
  const { version, rule, slice } = data.scope;
  try {
    return await get(pathOf(data.name, `/${what}`), { from: window.start, to: after(window.start), version, rule, slice: slice || null, ...more });
  } catch (error) {
    if (error.status !== 404) throw error;
    return null;
  }
}

/** Why there was nothing, and what to do. */
export const withoutTiles = (data) => data.model.baseline
  ? empty("This window was counted against an older baseline, or its counts are past their retention. Windows that begin after the baseline was set have them.")
  : empty("Without a baseline nothing is counted by column: ", h("code", {}, `outrider baseline ${data.name} FILE`), ".");
