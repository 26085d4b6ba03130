// Realised performance from labels, with how many of the rows have one.

import { get, pathOf } from "../../api.js";
import { line } from "../../charts/line.js";
import { empty, h, load, put } from "../../dom.js";
import { count, limit, percent } from "../../format.js";
import { go, read } from "../../place.js";
import { badge, metricTitle } from "../../words.js";
import { origin } from "./feature.js";

const ORDER = ["roc_auc", "rmse", "f1", "accuracy", "log_loss", "mae"];
const cache = new WeakMap();

async function grid(data) {
  if (!cache.has(data)) cache.set(data, await get(pathOf(data.name, "/grid"), { ...data.scope, per: "metric", kind: "performance" }));
  return cache.get(data);
}

export function performance(place, data, chosen, pick) {
  load(place, async () => draw(place, data, chosen, pick, await grid(data)));
}

function draw(place, data, chosen, pick, found) {
  const { columns } = data;
  const coverage = columns.map((column) => (column.n_window ? Math.min(1, column.labelled / column.n_window) : 0));
  const rows = found.rows.filter((row) => row.cells.some((cell) => cell?.value !== undefined)).sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
  if (!rows.length) {
    const labelled = columns.reduce((sum, column) => sum + column.labelled, 0);
    return [h("h2", {}, "Performance ", badge("no_data", "waiting")), empty(data.model.declaration.label ? `${count(labelled)} labels have come for this range; performance is measured when they do. Labels are matched by prediction id, however late.` : "No label is declared for this model, so performance cannot be realised.")];
  }
  const row = rows.find((one) => one.name === read("metric")) ?? rows[0];
  const cell = row.cells[chosen.column];
  const last = row.cells.findLast((one) => one?.value !== undefined);
  const select = rows.length > 1 ? h("select", { "aria-label": "Metric", onchange: (event) => { go({ metric: event.target.value }); put(place, draw(place, data, chosen, pick, found)); } }, rows.map((one) => h("option", { value: one.name, selected: one === row }, metricTitle(one.name)))) : null;
  const mature = coverage.filter((share) => share > 0).length;
  return [h("div", { class: "controls" }, h("h2", {}, metricTitle(row.name), " ", cell?.value !== undefined ? badge(cell.status, cell.value.toFixed(3)) : badge("no_data", "waiting for labels")), h("span", { class: "spring" }), select),
    h("p", { class: "cap" }, `From labels, 95 % interval · dashed: limit ${limit(last.threshold)}, ${origin(last.threshold_origin)} · bars: label coverage, ${percent(coverage.reduce((sum, share) => sum + share, 0) / Math.max(columns.length, 1))} on average${mature < columns.length ? `, ${columns.length - mature} without` : ""}`),
    line(columns, row.cells, { label: `${metricTitle(row.name)} over time with label coverage`, selected: chosen.column, onSelect: pick, coverage, width: 450, height: 200 })];
}
