// The heat map: what drifted, when.

import { heatmap, legend } from "../../charts/heatmap.js";
import { empty, h, put } from "../../dom.js";
import { count, limit } from "../../format.js";
import { go, read } from "../../place.js";
import { metricTitle } from "../../words.js";

export const CHECKS = {
  drift: { kind: "drift", choice: "inputs", metric: "js_distance", title: "Drift by feature and window" },
  vectors: { kind: "drift", choice: "vectors", metric: "mmd", title: "Drift of vectors by feature and window" },
  directions: { kind: "drift", choice: "vectors, by direction", metric: "projection_ks", title: "Drift of vectors along their directions by window" },
  predictions: { kind: "prediction_drift", choice: "predictions", metric: "js_distance", title: "Drift of the predictions by window" },
  labels: { kind: "label_drift", choice: "labels", metric: "js_distance", title: "Drift of the labels by window" },
  missing: { kind: "quality", choice: "missing values", metric: "missing_ratio", title: "Missing values by feature and window" },
  unseen: { kind: "quality", choice: "unseen categories", metric: "unseen_ratio", title: "Categories the baseline never had, by feature and window" },
};
const MORE = 100;

export function driftMap(place, data, chosen, choose, refresh) {
  const { features, columns, check } = data;
  const { title, metric } = CHECKS[check];
  const select = h("select", { "aria-label": "What the map shows", onchange: (event) => { go({ check: event.target.value === "drift" ? null : event.target.value, feature: null, window: null }); refresh(); } },
    Object.entries(CHECKS).map(([name, one]) => h("option", { value: name, selected: name === check }, one.choice)));
  const head = h("div", { class: "controls" }, h("h2", {}, title), h("span", { class: "spring" }), select);
  if (!features.rows.length) {
    put(place, head, empty(data.model.baseline ? "Nothing was measured here: this model has no such feature, or no window has one yet. No data is not no drift." : "Without a baseline there is nothing to compare with."));
    return;
  }
  const cells = features.rows.flatMap((row) => row.cells).filter(Boolean);
  const limits = [...new Set(cells.map((cell) => limit(cell.threshold)))];
  const sizes = columns.map((column) => column.n_window);
  const rows = Math.min(...sizes) === Math.max(...sizes) ? count(sizes[0]) : `${count(Math.min(...sizes))} to ${count(Math.max(...sizes))}`;
  put(place, head,
    h("p", { class: "cap" }, `${metricTitle(metric)} over its limit ${limits.length === 1 ? limits[0] : "(by feature)"}, ${rows} rows a ${columns[0].windows > 1 ? "column" : "window"}, worst first; coloured where it is judged to have moved. `, legend()),
    heatmap(columns, features.rows, { label: `${title}: ${features.rows.length} rows, ${columns.length} columns. Arrow keys move.`, selected: chosen, onSelect: ({ name, column }) => choose({ feature: name, window: columns[column].start }) }),
    features.folded || read("rows") ? h("p", { class: "small" }, features.folded ? `${count(features.folded)} quieter ones are folded. ` : "", h("a", { href: "#", onclick: (event) => { event.preventDefault(); go({ rows: read("rows") ? null : MORE }); refresh(); } }, read("rows") ? "Fold the quiet ones" : `Show up to ${MORE}`)) : null);
}
