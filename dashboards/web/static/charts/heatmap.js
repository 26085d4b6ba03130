// Features by windows. A cell is coloured only by what was judged: a large raw statistic of a small window is no alarm.
// A grid for the keyboard: arrows move, Home and End jump, and moving selects.

import { figure, h, s } from "../dom.js";
import { limit, number, short, span } from "../format.js";
import { metricName, several, wordOf } from "../words.js";
import { columnScale, holes, room, timeAxis, tip } from "./axes.js";

const ROW = 19;
/** Where the columns begin, for charts that line up with it; they end with its width. */
export const LABELS = 118;

/** 0 quiet, 1 near its limit, 2 over it, 3 twice, 4 four times; null where it could not be judged. */
function levelOf(cell) {
  if (!cell || cell.value === undefined || ["insufficient_data", "undefined", "no_data", "error"].includes(cell.status)) return null;
  const ratio = overLimit(cell);
  if (ratio === null) return cell.status === "critical" ? 3 : cell.status === "warning" ? 2 : 0;
  if (cell.status === "ok") return ratio >= 0.7 ? 1 : 0;
  return ratio >= 4 ? 4 : ratio >= 2 ? 3 : ratio >= 1 ? 2 : 1;
}

function overLimit(cell) {
  if (typeof cell.threshold !== "number" || cell.threshold === 0) return null;
  return Math.abs(cell.value) / Math.abs(cell.threshold);
}

const said = (name, column, cell) => cell
  ? [`${name}, ${span(column.start, column.end)}`, cell.value === undefined ? cell.reason ?? "" : `${metricName(cell.metric)} ${number(cell.value)} (${number(cell.low)} to ${number(cell.high)}), limit ${limit(cell.threshold)}, n ${cell.n_window.toLocaleString("en-US")}`, `${wordOf(cell.status)}${cell.reason && cell.value !== undefined ? `: ${cell.reason}` : ""}`, several(column)]
  : [`${name}, ${span(column.start, column.end)}`, "not measured"];

export function legend() {
  const swatch = (cls, word, mark) => h("span", { class: "key" }, s("svg", { viewBox: "0 0 11 11", "aria-hidden": "true" }, s("rect", { width: 11, height: 11, rx: 2, class: cls }), mark ? s("circle", { cx: 5.5, cy: 5.5, r: 1.7, class: `dot-${mark}` }) : null), word);
  return [swatch("h0", "quiet"), swatch("h1", "near"), swatch("h2", "over its limit", 2), swatch("h3", "2×", 3), swatch("h4", "4×", 4), swatch("hq", "cannot be judged")];
}

/** `selected` is {name, column}; `onSelect` is given the same. */
export function heatmap(columns, rows, { label, width = room(720), selected, onSelect }) {
  const height = rows.length * ROW + 22;
  const scale = columnScale(columns.length, LABELS, width);
  const names = rows.map((row) => row.name);
  const place = (name, column) => ({ row: names.indexOf(name), column });
  let at = selected && names.includes(selected.name) ? place(selected.name, selected.column) : { row: 0, column: columns.length - 1 };

  const body = rows.map((row, r) => s("g", { role: "row", "aria-label": row.name },
    s("text", { x: LABELS - 9, y: r * ROW + 13.5, class: "end cell", role: "rowheader", "data-r": r }, short(row.name || "whole model", 17), tip(row.name)),
    row.cells.map((cell, c) => {
      const level = levelOf(cell);
      const x = scale.at(c);
      const attributes = { x, y: r * ROW + 1.5, width: scale.width, height: ROW - 2.6, rx: scale.width > 5 ? 2 : 0, class: `cell ${level === null ? "hq" : `h${level}`}`, role: "gridcell", id: `cell-${r}-${c}`, "data-r": r, "data-c": c, "aria-label": said(row.name, columns[c], cell).filter(Boolean).join(". ") };
      const mark = level >= 2 && scale.width > 5 ? s("circle", { cx: x + scale.width / 2, cy: r * ROW + ROW / 2 + 0.2, r: Math.min(1.7, scale.width / 5), class: `dot-${level}`, "pointer-events": "none" }) : null;
      return [s("rect", attributes, tip(...said(row.name, columns[c], cell))), mark];
    })));
  const band = s("rect", { class: "column", y: 0, height: rows.length * ROW, rx: 3 });
  const cursor = s("rect", { class: "cursor", height: ROW - 1, rx: 2.5 });
  const chart = figure(width, height, label, { role: "grid", tabindex: 0, class: "heat", "aria-readonly": "true" }, body, band, cursor, holes(columns, scale, rows.length * ROW, 2), timeAxis(columns, scale, rows.length * ROW + 18));

  function show() {
    band.setAttribute("x", scale.at(at.column) - 0.7);
    band.setAttribute("width", scale.width + 1.4);
    cursor.setAttribute("x", scale.at(at.column) - 1);
    cursor.setAttribute("y", at.row * ROW + 0.5);
    cursor.setAttribute("width", scale.width + 2);
    chart.setAttribute("aria-activedescendant", `cell-${at.row}-${at.column}`);
    chart.querySelectorAll("[role=rowheader]").forEach((text, r) => text.classList.toggle("sel", r === at.row));
    chart.querySelectorAll("[aria-selected]").forEach((cell) => cell.removeAttribute("aria-selected"));
    chart.querySelector(`#cell-${at.row}-${at.column}`)?.setAttribute("aria-selected", "true");
  }
  function move(row, column) {
    at = { row: Math.min(rows.length - 1, Math.max(0, row)), column: Math.min(columns.length - 1, Math.max(0, column)) };
    show();
    onSelect({ name: names[at.row], column: at.column });
  }
  chart.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-r]");
    if (cell) { move(Number(cell.dataset.r), Number(cell.dataset.c ?? at.column)); chart.focus({ preventScroll: true }); }
  });
  chart.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -columns.length], End: [0, columns.length], PageUp: [-rows.length, 0], PageDown: [rows.length, 0] };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(at.row + step[0], at.column + step[1]);
  });
  show();
  return chart;
}
