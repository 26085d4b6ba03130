// Realised performance from labels, with how many of the rows have one, beside what was expected before they came.

import { get, pathOf } from "../../api.js";
import { line } from "../../charts/line.js";
import { empty, h, load, put } from "../../dom.js";
import { count, limit, percent } from "../../format.js";
import { go, read } from "../../place.js";
import { badge, metricTitle, wordOf } from "../../words.js";
import { origin } from "./feature.js";

const ORDER = ["roc_auc", "rmse", "f1", "accuracy", "log_loss", "mae"];
const cache = new WeakMap();

async function grid(data) {
  if (!cache.has(data)) cache.set(data, await get(pathOf(data.name, "/grid"), { slice: "", ...data.scope, per: "metric", kind: "performance" }));
  return cache.get(data);
}

const has = (cell) => cell?.value !== undefined && cell?.value !== null;

/** Every realised metric with its estimate; one that is only estimated so far has no cells of its own. */
function pairs(rows) {
  const named = new Map(rows.map((row) => [row.name, row.cells]));
  const names = [...new Set(rows.map((row) => row.name.replace(/^estimated_/, "")))];
  const order = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return names.map((name) => ({ name, cells: named.get(name) ?? [], estimate: named.get(`estimated_${name}`) ?? [] }))
    .filter((row) => row.cells.some(has) || row.estimate.some(has)).sort((a, b) => order(a.name) - order(b.name));
}

export function performance(place, data, chosen, pick) {
  load(place, async () => draw(place, data, chosen, pick, await grid(data)));
}

function draw(place, data, chosen, pick, found) {
  const { columns } = data;
  const coverage = columns.map((column) => (column.n_window ? Math.min(1, column.labelled / column.n_window) : 0));
  const rows = pairs(found.rows);
  if (!rows.length) {
    const labelled = columns.reduce((sum, column) => sum + column.labelled, 0);
    return [h("h2", {}, "Performance ", badge("no_data", "waiting")), empty(data.model.declaration.label ? `${count(labelled)} labels have come for this range; performance is measured when they do. Labels are matched by prediction id, however late.` : "No label is declared for this model, so performance cannot be realised.")];
  }
  const row = rows.find((one) => one.name === read("metric")) ?? rows[0];
  const cell = row.cells[chosen.column];
  const guess = row.estimate[chosen.column];
  const last = row.cells.findLast(has);
  const select = rows.length > 1 ? h("select", { "aria-label": "Metric", onchange: (event) => { go({ metric: event.target.value }); put(place, draw(place, data, chosen, pick, found)); } }, rows.map((one) => h("option", { value: one.name, selected: one === row }, metricTitle(one.name)))) : null;
  const mature = coverage.filter((share) => share > 0).length;
  return [h("div", { class: "controls" }, h("h2", {}, metricTitle(row.name), " ", cell?.value !== undefined ? badge(cell.status, cell.value.toFixed(3)) : badge("no_data", "waiting for labels"), has(guess) ? h("span", { class: "cap" }, ` estimated ${guess.value.toFixed(3)} (${guess.low.toFixed(3)} to ${guess.high.toFixed(3)})${guess.status === "ok" ? "" : `, ${wordOf(guess.status)}`}`) : null), h("span", { class: "spring" }), select),
    h("p", { class: "cap" }, `From labels, 95 % interval${last ? ` · dashed: limit ${limit(last.threshold)}, ${origin(last.threshold_origin)}` : ""}${row.estimate.some(has) ? " · dotted: estimated without labels" : ""} · bars: label coverage, ${percent(coverage.reduce((sum, share) => sum + share, 0) / Math.max(columns.length, 1))} on average${mature < columns.length ? `, ${columns.length - mature} without` : ""}`),
    line(columns, row.cells, { label: `${metricTitle(row.name)} over time with label coverage`, selected: chosen.column, onSelect: pick, coverage, estimate: row.estimate, width: 450, height: 200 })];
}
