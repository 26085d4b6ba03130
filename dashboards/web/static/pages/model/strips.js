// One strip a kind over the whole range, all on the same columns; capture is one of them, so a hole is seen where it matters.

import { inColumn } from "../../charts/capture.js";
import { columnScale, room, timeAxis } from "../../charts/axes.js";
import { strip } from "../../charts/strip.js";
import { figure, h, put } from "../../dom.js";
import { brief, count, limit, percent } from "../../format.js";
import { badge, kindName, KINDS, metricName } from "../../words.js";

/** What stands beside a strip on a narrow screen: names, and the page's edges. */
const BESIDE = 182;

const subject = (cell) => cell.feature ?? cell.slice ?? metricName(cell.metric);
/** A value within its limit beside a word that says otherwise: the windows before it are told of with it. */
const over = (cell) => (cell.windows > 1 ? `, over the last ${cell.windows} windows` : "");
const noteOf = (cell) => (cell.value === undefined ? cell.reason ?? "" : `${subject(cell)} ${cell.feature || cell.slice ? `${metricName(cell.metric)} ` : ""}${brief(cell.value)}, limit ${limit(cell.threshold)}${over(cell)}`);

/** What the line says at its end: the state of the selected column. */
function word(cell, column, kind, isLabelled) {
  if (!cell && kind === "performance" && !isLabelled) return [badge("no_data", "no label"), " is declared for this model"];
  if (!cell) return waiting(column, kind) ? [badge("no_data", "waiting"), " for labels"] : [badge("no_data", "no data")];
  if (onlyEstimated(cell, column, kind)) return [badge("no_data", "waiting"), " for labels; the estimate is ok"];
  if (cell.status === "no_data") return [badge("no_data", kind === "performance" || kind === "label_drift" ? "waiting" : "no data"), ` ${cell.reason ?? ""}`];
  return [badge(cell.status), cell.status === "ok" ? "" : ` ${noteOf(cell)}`];
}
const waiting = (column, kind) => ["performance", "label_drift"].includes(kind) && column.labelled < column.n_window;
/** An estimate within its limits is no performance within its limits: what labels will say is not known yet. */
const onlyEstimated = (cell, column, kind) => kind === "performance" && cell.status === "ok" && !column.labelled;
const shown = (cell, column, kind, isLabelled) => {
  if (!cell && !isLabelled) return null;
  if (cell && onlyEstimated(cell, column, kind)) return { look: "wait", status: "no_data", note: "waiting for labels; the estimate is ok" };
  if (cell) return { ...cell, note: noteOf(cell) };
  return waiting(column, kind) ? { look: "wait", status: "no_data", note: "waiting for labels" } : null;
};

function captureCells(data) {
  return data.columns.map((column) => {
    const gaps = inColumn(data.gaps, column);
    const lost = column.dropped + column.undecodable;
    if (gaps.length || lost) return { look: gaps.length ? "gap" : "warn", status: "warning", note: captureNote(column, gaps) };
    if (!column.seen) return { look: "none", status: "no_data", note: "not from a sidecar, or nothing was seen" };
    return { status: "ok", note: captureNote(column, gaps) };
  });
}

function captureNote(column, gaps) {
  if (!column.seen && !gaps.length) return "rows did not come through a sidecar";
  const lost = column.dropped + column.undecodable;
  const share = column.seen ? (column.seen - lost) / column.seen : 0;
  const holes = gaps.length ? ` · ${gaps.length} gap${gaps.length > 1 ? "s" : ""}: ${[...new Set(gaps.map((g) => g.reason))].slice(0, 3).join(", ")}` : "";
  return `${percent(share)} of ${count(column.seen)} kept${lost ? `, ${count(lost)} lost` : ""}${holes}`;
}

export function strips(place, data, chosen, pick) {
  const { columns } = data;
  const isLabelled = Boolean(data.model.declaration.label);
  const width = room(680, BESIDE);
  const found = Object.fromEntries(data.kinds.rows.map((row) => [row.name, row.cells]));
  const lines = Object.keys(KINDS).filter((kind) => found[kind] || ["drift", "prediction_drift", "performance", "quality"].includes(kind)).filter((kind) => kind !== "capture");
  const drawn = lines.map((kind) => {
    const cells = found[kind] ?? columns.map(() => null);
    const looks = cells.map((cell, i) => shown(cell, columns[i], kind, isLabelled));
    return [
      h("div", { class: "name" }, kindName(kind)),
      strip(columns, looks, { label: `${kindName(kind)}: ${summary(looks)}`, width, selected: chosen.column, onSelect: pick }),
      h("div", { class: "note", title: cells[chosen.column] ? noteOf(cells[chosen.column]) : null }, word(cells[chosen.column], columns[chosen.column], kind, isLabelled)),
    ];
  });
  const seen = captureCells(data);
  const column = columns[chosen.column];
  put(place, h("div", { class: "strips" }, drawn,
    h("div", { class: "name" }, "Capture"),
    strip(columns, seen, { label: `Capture: ${summary(seen)}`, width, selected: chosen.column, onSelect: pick }),
    h("div", { class: "note" }, seen[chosen.column].look === "none" ? [badge("no_data", "no sidecar"), " saw these rows"] : [badge(seen[chosen.column].status), " ", captureNote(column, inColumn(data.gaps, column))]),
    h("div", {}), figure(width, 16, "Times", { preserveAspectRatio: "none" }, timeAxis(columns, columnScale(columns.length, 0, width), 13)), h("div", { class: "note small" }, "UTC · states at the right: the framed window")));
}

function summary(cells) {
  const counts = {};
  for (const cell of cells) counts[cell?.status ?? "nothing"] = (counts[cell?.status ?? "nothing"] ?? 0) + 1;
  return Object.entries(counts).map(([status, n]) => `${n} ${status.replace("_", " ")}`).join(", ");
}
