// Realised performance from labels, with how many of the rows have one, beside what was expected before they came.

import { get, pathOf } from "../../api.js";
import { room } from "../../charts/axes.js";
import { line } from "../../charts/line.js";
import { empty, h, load, s } from "../../dom.js";
import { count, limit, percent } from "../../format.js";
import { go, read } from "../../place.js";
import { badge, metricTitle, wordOf } from "../../words.js";
import { askWindow } from "./asking.js";
import { origin } from "./feature.js";

const ORDER = ["roc_auc", "rmse", "f1", "accuracy", "log_loss", "mae"];
const cache = new WeakMap();

async function grid(data) {
  if (!cache.has(data)) cache.set(data, await get(pathOf(data.name, "/grid"), { slice: "", ...data.scope, per: "metric", kind: "performance" }));
  return cache.get(data);
}

const key = (cls, text) => h("span", { class: "key" }, s("svg", { viewBox: "0 0 16 11", class: "wide", "aria-hidden": "true" }, s("rect", { y: 1.5, width: 16, height: 8, class: `band ${cls.replace("k-line", "").trim()}` }), s("path", { d: "M0 5.5H16", class: cls.replace("k-line", "line") })), text);

const has = (cell) => cell?.value !== undefined && cell?.value !== null;

/** Every realised metric with its estimate; one that is only estimated so far has no cells of its own. One that is estimated where the window lies stands beside what labels said too. */
function pairs(rows) {
  const named = new Map(rows.map((row) => [row.name, row.cells]));
  const names = [...new Set(rows.map((row) => row.name.replace(/^estimated_/, "")))];
  const judged = (row) => Number(row.cells.some((cell) => cell?.threshold !== undefined));
  const order = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const again = (name) => ({ name, cells: named.get(name.replace(/^reweighted_/, "")) ?? [], estimate: named.get(name) });
  return names.map((name) => (name.startsWith("reweighted_") ? again(name) : { name, cells: named.get(name) ?? [], estimate: named.get(`estimated_${name}`) ?? [] }))
    .filter((row) => row.cells.some(has) || row.estimate.some(has)).sort((a, b) => judged(b) - judged(a) || order(a.name) - order(b.name));
}

export function performance(place, data, chosen, pick) {
  load(place, async () => draw(place, data, chosen, pick, await grid(data)));
}

/** Why nothing is drawn, and what to do. */
async function why(data, chosen, labelled) {
  if (!data.model.declaration.label) return ["No label is declared for this model (", h("code", {}, "label: {name: …}"), "): how right it is can neither be measured nor estimated."];
  if (!labelled) return ["No label has come for this range. Send them with ", h("code", {}, `outrider labels ${data.name} FILE`), "; they are matched by prediction id, however late."];
  const newest = data.columns.findLast((column) => column.labelled > 0);
  const found = await askWindow(data, "outcomes", newest, { slice: null });
  if (!found) return [`${count(labelled)} labels have come, but their windows have no counts on the baseline in force`, data.model.baseline ? "." : [": ", h("code", {}, `outrider baseline ${data.name} FILE`)]];
  return `${count(labelled)} labels have come, but nothing was measured from them: ${found.reason ?? "see the part “What labels say”"}.`;
}

async function draw(place, data, chosen, pick, found) {
  const { columns } = data;
  const coverage = columns.map((column) => (column.n_window ? Math.min(1, column.labelled / column.n_window) : 0));
  const rows = pairs(found.rows);
  if (!rows.length) {
    const labelled = columns.reduce((sum, column) => sum + column.labelled, 0);
    return [h("h2", {}, "Performance ", badge("no_data", !data.model.declaration.label ? "no label is declared" : labelled ? "nothing measured" : "waiting")), empty(await why(data, chosen, labelled))];
  }
  const row = rows.find((one) => one.name === read("metric")) ?? rows[0];
  const cell = row.cells[chosen.column];
  const guess = row.estimate[chosen.column];
  const last = row.cells.findLast(has);
  const select = rows.length > 1 ? h("select", { "aria-label": "Metric", onchange: (event) => { go({ metric: event.target.value }); load(place, () => draw(place, data, chosen, pick, found)); } }, rows.map((one) => h("option", { value: one.name, selected: one === row }, metricTitle(one.name)))) : null;
  const mature = coverage.filter((share) => share > 0).length;
  return [h("div", { class: "controls" }, h("h2", {}, metricTitle(row.name), " ", cell?.value !== undefined ? badge(cell.status, cell.value.toFixed(3)) : badge("no_data", "waiting for labels"), has(guess) ? h("span", { class: "cap" }, ` estimated ${guess.value.toFixed(3)} (${guess.low.toFixed(3)} to ${guess.high.toFixed(3)})${guess.status === "ok" ? "" : `, ${wordOf(guess.status)}`}`) : null), h("span", { class: "spring" }), select),
    h("p", { class: "cap" }, key("k-line", "from labels, 95 % interval"), row.estimate.some(has) ? key("k-line estimate", "estimated without labels, 95 % interval") : null, `${last?.threshold === undefined ? "" : `dashed: limit ${limit(last.threshold)}, ${origin(last.threshold_origin)} · `}bars: label coverage, ${percent(coverage.reduce((sum, share) => sum + share, 0) / Math.max(columns.length, 1))} on average${mature < columns.length ? `, ${columns.length - mature} without` : ""}`),
    line(columns, row.cells, { label: `${metricTitle(row.name)} over time with label coverage`, selected: chosen.column, onSelect: pick, coverage, estimate: row.estimate, width: room(450), height: 200 })];
}
