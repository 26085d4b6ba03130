// The selected feature: its window against the baseline, and its score over time.

import { get, pathOf } from "../../api.js";
import { room } from "../../charts/axes.js";
import { LABELS } from "../../charts/heatmap.js";
import { line } from "../../charts/line.js";
import { byChange, overlay, rowsOf, shares } from "../../charts/overlay.js";
import { empty, h, load, put, s, table } from "../../dom.js";
import { after, brief, count, limit, percent, span } from "../../format.js";
import { modelHref } from "../../place.js";
import { badge, metricName, metricTitle, several } from "../../words.js";
import { CHECKS } from "./drift.js";

let asked = 0;

const key = (cls, text) => h("span", { class: "key" }, s("svg", { viewBox: "0 0 11 11", "aria-hidden": "true" }, s("rect", { width: 11, height: 11, rx: 2, class: cls })), text);

/** The window behind a cell: in a column of several, the worst of them. */
export const windowOf = (data, chosen) => {
  const cell = chosen.row?.cells[chosen.column];
  const column = data.columns[chosen.column];
  return cell?.start ? { start: cell.start, end: cell.end } : { start: column.start, end: column.end };
};

export function distribution(place, data, chosen) {
  if (!chosen.name || !chosen.row) { put(place, h("h2", {}, "No feature to compare"), empty("Nothing is selected.")); return; }
  const cell = chosen.row.cells[chosen.column];
  const window = windowOf(data, chosen);
  const mine = (asked += 1);
  if (chosen.row.whole) { put(place, heading(chosen.name, window, data.scope, cell), h("p", {}, cell?.reason ?? "It is told of whole rows: there is no one distribution to draw.")); return; }
  if (!place.hasChildNodes()) put(place, h("p", { class: "loading" }, "Loading …"));
  const result = h("div", {});
  load(result, async () => {
    const drawn = CHECKS[data.check].pairs ? await pair(data, chosen.name, window, cell) : await comparison(data.name, chosen.name, window, data.scope, cell);
    if (mine === asked) put(place, drawn);
    return [];
  }).then(() => { if (mine === asked && result.hasChildNodes()) put(place, h("h2", {}, chosen.name), result); });
}

const heading = (feature, window, scope, cell) => h("h2", {}, `${feature}${scope.slice ? ` of ${scope.slice}` : ""}, ${span(window.start, window.end)} `, cell ? badge(cell.status, cell.value === undefined ? undefined : `${metricName(cell.metric)} ${brief(cell.value)}`) : null);

/** A pair has no distribution of its own: those of its two features, and what to make of them. */
async function pair(data, name, window, cell) {
  const both = await Promise.all(name.split("~").map((feature) => comparison(data.name, feature, window, data.scope)));
  return [heading(name, window, data.scope, cell), togetherNote(cell?.reason), both.map((one) => h("div", { class: "one-of-two" }, one))];
}

/** Why neither of the two pictures of a pair need show anything. */
export const togetherNote = (detail) => h("p", { class: "small" }, detail ? `${detail}. ` : "", "How the two go together has changed; each by itself, below, may look as before.");

/** Heading, counts, chart, table and links of one feature in one window. */
export async function comparison(model, feature, window, scope, cell) {
  const found = await get(pathOf(model, "/distributions"), { feature, from: window.start, to: after(window.start), version: scope.version, rule: scope.rule, slice: scope.slice ?? "" });
  const item = found.items[0];
  const address = (more) => modelHref(model, { from: window.start, to: window.end, version: scope.version, slice: scope.slice, feature, ...more }, "/rows");
  const head = [heading(feature, window, scope, cell)];
  if (!item) return [head, empty(cell?.reason ?? "This window has no distribution of it against the baseline in force: it had no rows, or the baseline is newer than the window. That is not the same as no drift.")];
  const list = byChange(shares(item));
  const columns = [
    [item.kind === "categorical" ? "category" : "bin", (one) => (rowsOf(item, one) ? h("a", { href: address(rowsOf(item, one)) }, one.name) : one.name), "wrap"], ["window", (one) => percent(one.window), "num"], ["n", (one) => count(one.n_window), "num"],
    ["baseline", (one) => percent(one.baseline), "num"], ["n", (one) => count(one.n_baseline), "num"], ["change", (one) => `${one.window >= one.baseline ? "+" : "−"}${percent(Math.abs(one.window - one.baseline))}`, "num"],
  ];
  return [head,
    h("p", { class: "cap" }, key("win", `window, n ${count(item.n_window)}`), key("base", `baseline, n ${count(item.n_baseline)}`), item.n_missing ? [h("a", { href: address({ fault: "missing" }) }, `${count(item.n_missing)} missing`), " · "] : "", item.kind === "categorical" ? "sorted by change · " : "", h("a", { href: address() }, "rows")),
    overlay(item, { label: `${feature}: share of each ${item.kind === "categorical" ? "category" : "bin"}, window against baseline; most changed ${list[0].name}: ${percent(list[0].window)} against ${percent(list[0].baseline)}`, onPick: (bar) => { location.href = address(bar); } }),
    cell?.reason ? h("p", { class: "small" }, cell.reason) : null,
    h("details", {}, h("summary", { class: "small" }, "Table"), table(columns, list, { label: `${feature}, bin by bin` })),
  ];
}

export function overTime(place, data, chosen, pick) {
  if (!chosen.row) { put(place, h("h2", {}, "Score over time"), empty("Nothing is selected.")); return; }
  const cell = chosen.row.cells[chosen.column] ?? chosen.row.cells.findLast(Boolean);
  const metric = cell?.metric ?? CHECKS[data.check].metric;
  put(place, h("h2", {}, `${metricTitle(metric)} of ${chosen.name} over time`),
    h("p", { class: "cap" }, "Line and band: value and 95 % interval · dashed: ", cell?.threshold === undefined ? "no limit is set" : `limit ${limit(cell.threshold)}, ${origin(cell.threshold_origin)}`, several(data.columns[0]) ? ` · ${several(data.columns[0])}` : ""),
    chosen.row.cells.some((one) => one?.value !== undefined) ? line(data.columns, chosen.row.cells, { label: `${metricTitle(metric)} of ${chosen.name} over time`, selected: chosen.column, onSelect: pick, fromZero: true, width: room(720), height: 244, left: LABELS, right: room(720) }) : empty("It was never measured in this range."));
}

export const origin = (text) => (!text || text === "default" ? "the default" : text);
