// The heat map: what drifted, when.

import { heatmap, legend } from "../../charts/heatmap.js";
import { empty, h, put } from "../../dom.js";
import { count, limit } from "../../format.js";
import { go, read } from "../../place.js";
import { metricTitle } from "../../words.js";

export const CHECKS = {
  drift: { kind: "drift", choice: "inputs", metric: "js_distance", title: "Drift by feature and window" },
  correlations: { kind: "drift", choice: "pairs of numbers", metric: "correlation_distance", title: "Drift of correlations by pair and window", pairs: true },
  associations: { kind: "drift", choice: "pairs with a category", metric: "association_distance", title: "Drift of associations by pair and window", pairs: true },
  vectors: { kind: "drift", choice: "vectors", metric: "mmd", title: "Drift of vectors by feature and window" },
  directions: { kind: "drift", choice: "vectors, by direction", metric: "projection_ks", title: "Drift of vectors along their directions by window" },
  predictions: { kind: "prediction_drift", choice: "predictions", metric: "js_distance", title: "Drift of the predictions by window" },
  labels: { kind: "label_drift", choice: "labels", metric: "js_distance", title: "Drift of the labels by window" },
  missing: { kind: "quality", choice: "missing values", metric: "missing_ratio", title: "Missing values by feature and window" },
  outside: { kind: "quality", choice: "outside the range", metric: "out_of_range_ratio", title: "Values outside the baseline's range, by feature and window" },
  schema: { kind: "quality", choice: "breaches of the schema", metric: "schema_violation_ratio", title: "Rows that break the schema, by column and window" },
  unseen: { kind: "quality", choice: "unseen categories", metric: "unseen_ratio", title: "Categories the baseline never had, by feature and window" },
};
const STEP = 24;
const ORDERS = { worst: "worst first", newest: "worst in the newest first", name: "by name" };

export function driftMap(place, data, chosen, choose, refresh) {
  const { features, columns, check } = data;
  const { title, metric } = CHECKS[check];
  const select = h("select", { "aria-label": "What the map shows", onchange: (event) => { go({ check: event.target.value === data.usual ? null : event.target.value, feature: null, window: null, skip: null }); refresh(); } },
    Object.entries(CHECKS).map(([name, one]) => h("option", { value: name, selected: name === check }, one.choice)));
  const change = (changes) => { go({ feature: null, ...changes }); refresh(); };
  const many = features.of > STEP || read("match") || read("order");
  const search = many ? h("input", { type: "search", value: read("match") ?? "", placeholder: "feature", "aria-label": "Only features with this in their name", onchange: (event) => change({ match: event.target.value, skip: null }) }) : null;
  const order = many ? h("select", { "aria-label": "Order", onchange: (event) => change({ order: event.target.value === "worst" ? null : event.target.value, skip: null }) }, Object.entries(ORDERS).map(([name, words]) => h("option", { value: name, selected: name === (read("order") ?? "worst") }, words))) : null;
  const head = h("div", { class: "controls" }, h("h2", {}, title), h("span", { class: "spring" }), search, order, select);
  if (!features.rows.length) {
    put(place, head, empty(nothing(data, check)));
    return;
  }
  const cells = features.rows.flatMap((row) => row.cells).filter(Boolean);
  const limits = [...new Set(cells.filter((cell) => (cell.threshold ?? null) !== null).map((cell) => limit(cell.threshold)))];
  const sizes = columns.map((column) => column.n_window);
  const rows = Math.min(...sizes) === Math.max(...sizes) ? count(sizes[0]) : `${count(Math.min(...sizes))} to ${count(Math.max(...sizes))}`;
  put(place, head,
    h("p", { class: "cap" }, `${metricTitle(metric)} over its limit ${limits.length === 1 ? limits[0] : limits.length ? "(by feature)" : "(none is set)"}, ${rows} rows a ${columns[0].windows > 1 ? "column" : "window"}, ${ORDERS[read("order") ?? "worst"]}; coloured where it is judged to have moved. `, legend()),
    heatmap(columns, features.rows, { label: `${title}: ${features.rows.length} rows, ${columns.length} columns. Arrow keys move.`, selected: chosen, onSelect: ({ name, column }) => choose({ check: check === "drift" ? null : check, feature: name, window: columns[column].start }) }),
    pages(features, change));
}

/** Why there is no row, and what to do. */
function nothing(data, check) {
  if (!data.model.baseline) return ["Without a baseline there is nothing to compare with: ", h("code", {}, `outrider baseline ${data.name} FILE`)];
  if (read("match")) return `No feature has “${read("match")}” in its name.`;
  if (check === "correlations") return "Nothing was measured here: a pair needs two numeric features; those with a category are under “pairs with a category”. No data is not no drift.";
  if (check === "associations") return ["Not measured: ", h("code", {}, "metrics: [association_distance]"), " in the declaration asks for it."];
  if (check === "schema") return ["No schema is declared; the part Schema below has one to take over."];
  if (check === "outside") return ["Not measured: ", h("code", {}, "metrics: [out_of_range_ratio]"), " in the declaration asks for it; the part Data quality below shows it of one window."];
  if (check === "labels") return "No label has come for these windows: what it says cannot be compared yet. No data is not no drift.";
  if (["vectors", "directions"].includes(check)) return "This model has no vector feature.";
  return "Nothing was measured here: this model has no such feature, or no window has one yet. No data is not no drift.";
}

/** Where in a long list the rows on show are. */
function pages({ rows, of, folded }, change) {
  const skip = Number(read("skip") ?? 0);
  if (!folded && !skip) return null;
  const button = (text, to) => h("button", { type: "button", onclick: () => change({ skip: to || null }) }, text);
  return h("p", { class: "small" }, `${count(skip + 1)} to ${count(skip + rows.length)} of ${count(of)} `, skip ? button(`◂ ${STEP} before`, Math.max(0, skip - STEP)) : null, " ", folded ? button(`${Math.min(STEP, folded)} more ▸`, skip + STEP) : null);
}
