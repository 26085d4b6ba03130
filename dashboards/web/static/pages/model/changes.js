// Since when the scores and the errors are what they are: change points along the windows, by two methods.

import { get, pathOf } from "../../api.js";
import { line } from "../../charts/line.js";
import { empty, h, section, table } from "../../dom.js";
import { count, moment, number, signed } from "../../format.js";

const METHODS = { adwin: "ADWIN", page_hinkley: "Page-Hinkley" };
const TITLES = { score: "Mean score", error: "Mean error" };

export async function changes(data) {
  const { to, version, rule } = data.scope;
  const found = await get(pathOf(data.name, "/change-points"), { to, version, rule });
  if (!found.items.length) return empty("No window with rows was measured against this baseline yet.");
  const streams = ["score", "error"].map((of) => found.items.filter((one) => one.of === of)).filter((items) => items.length);
  return [h("p", { class: "cap" }, "Along the newest windows, whatever the baseline says: shown, never judged."), streams.map(stream)];
}

function stream(items) {
  const [{ of, points, windows }] = items;
  const changed = items.filter((one) => one.changed);
  const at = changed.length ? points.findIndex((point) => point.start === changed[0].since.at) : -1;
  const columns = points.map((point, i) => ({ start: point.start, end: points[i + 1]?.start ?? point.start, n_window: point.rows, labelled: point.rows, seen: 0, status: "ok" }));
  const cells = points.map((point) => ({ value: point.mean, low: point.mean, high: point.mean, status: "ok", n_window: point.rows }));
  return section(TITLES[of], changed.length ? `${number(changed[0].before)} to ${number(changed[0].after)} since ${moment(changed[0].since.at)} UTC` : `No change in ${count(windows)} windows`,
    points.length > 1 ? line(columns, cells, { label: `${TITLES[of]} of ${count(windows)} windows${changed.length ? `, changed at ${moment(changed[0].since.at)}` : ""}`, height: 140, selected: at }) : null,
    table([["method", (one) => METHODS[one.method]], ["since, UTC", (one) => (one.changed ? moment(one.since.at) : "no change"), "when"], ["95 % interval", (one) => (one.changed ? `${moment(one.since.low)} to ${moment(one.since.high)}` : ""), "when"], ["before", (one) => (one.changed ? number(one.before) : ""), "num"], ["after", (one) => (one.changed ? number(one.after) : ""), "num"], ["change", (one) => (one.changed ? `${signed(one.size)} (${signed(one.low)} to ${signed(one.high)})` : ""), "num"]], items, { label: `Change points of the ${of}` }));
}
