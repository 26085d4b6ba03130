// A value over time with its interval, its limit and where the limit comes from. Never a line through what was not measured.

import { figure, s } from "../dom.js";
import { count, limit, number, percent, span } from "../format.js";
import { lookOf, metricName, several, wordOf } from "../words.js";
import { columnScale, holes, timeAxis, tip, valueAxis, valueScale } from "./axes.js";

const FRAME = 0.12;

const known = (cell) => cell && cell.value !== undefined && cell.value !== null;
const limitsOf = (cell) => (cell?.threshold === undefined ? [] : [cell.threshold].flat());

/** `estimate` is drawn behind the cells: what was expected of them. `left` and `right` line it up with a chart above. `coverage[i]` (0 to 1) is drawn as bars below; `events` are {column, status, text} marked at the top. */
export function line(columns, cells, { label, width = 700, height = 200, selected = -1, onSelect, coverage, estimate = [], events = [], fromZero = false, left = 50, right = width - 8 } = {}) {
  const foot = coverage ? 34 : 0;
  const bottom = height - 24 - foot;
  const top = 12;
  const scale = columnScale(columns.length, left, right);
  const values = [...cells, ...estimate].filter(known).flatMap((cell) => [cell.value, clampTo(cell.low, cell), clampTo(cell.high, cell), ...limitsOf(cell)]).filter(Number.isFinite);
  let low = fromZero ? 0 : Math.min(...values);
  let high = Math.max(...values);
  const frame = (high - low || Math.abs(high) || 1) * FRAME;
  high += frame;
  if (!fromZero) low -= frame;
  const y = valueScale(low, high, bottom, top);
  const parts = runs(cells);
  const guesses = runs(estimate);
  return figure(width, height, label, { class: onSelect ? "pick" : null, onclick: onSelect ? (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    if (x >= left) onSelect(scale.index(x));
  } : null },
    selected >= 0 ? s("rect", { x: scale.at(selected), y: top - 4, width: scale.step, height: bottom - top + 8 + foot, class: "column" }) : null,
    valueAxis(low, high, y, left, right),
    guesses.map((part) => s("path", { d: ribbon(part, estimate, scale, y), class: "band estimate" })),
    guesses.map((part) => s("path", { d: `M${part.map((i) => `${scale.mid(i).toFixed(1)} ${y(estimate[i].value).toFixed(1)}`).join("L")}`, class: "line estimate" })),
    guesses.filter((part) => part.length === 1).map(([i]) => s("circle", { cx: scale.mid(i), cy: y(estimate[i].value), r: 1.6, class: "line estimate" })),
    parts.map((part) => s("path", { d: ribbon(part, cells, scale, y), class: "band" })),
    limitLines(cells, scale, y, right),
    parts.map((part) => s("path", { d: `M${part.map((i) => `${scale.mid(i).toFixed(1)} ${y(cells[i].value).toFixed(1)}`).join("L")}`, class: "line" })),
    cells.map((cell, i) => (known(cell) ? point(cell, i, columns, scale, y) : null)),
    events.map((event) => s("g", {}, s("line", { x1: scale.at(event.column + 1), x2: scale.at(event.column + 1), y1: top - 6, y2: bottom, class: "whisker dimmed" }), s("circle", { cx: scale.at(event.column + 1), cy: top - 7, r: 3.4, class: lookOf(event.status) === "ok" ? "f-ok" : "dot bad" }, tip(event.text)))),
    coverage ? bars(coverage, columns, scale, height - 20, foot - 10, left) : null,
    holes(columns, scale, bottom, top),
    timeAxis(columns, scale, height - 4));
}

const clampTo = (bound, cell) => (bound === undefined || bound === null || Math.abs(bound - cell.value) > 5 * (Math.abs(cell.value) + 1) ? cell.value : bound);

/** Runs of columns that follow each other with a value. */
function runs(cells) {
  const found = [];
  cells.forEach((cell, i) => {
    if (!known(cell)) return;
    if (i && known(cells[i - 1])) found.at(-1).push(i);
    else found.push([i]);
  });
  return found;
}

function ribbon(part, cells, scale, y) {
  const edge = (i, bound) => `${scale.mid(i).toFixed(1)} ${y(clampTo(cells[i][bound], cells[i])).toFixed(1)}`;
  return `M${part.map((i) => edge(i, "high")).join("L")}L${[...part].reverse().map((i) => edge(i, "low")).join("L")}Z`;
}

function point(cell, i, columns, scale, y) {
  const look = lookOf(cell.status);
  const attributes = { class: look === "crit" ? "dot bad" : look === "warn" ? "dot warn" : "dot" };
  const said = tip(span(columns[i].start, columns[i].end), `${metricName(cell.metric)} ${number(cell.value, 4)} (${number(cell.low, 4)} to ${number(cell.high, 4)}), n ${count(cell.n_window)}`, `limit ${limit(cell.threshold)}`, wordOf(cell.status), several(columns[i]));
  const [x, at] = [scale.mid(i), y(cell.value)];
  if (look === "crit") return s("rect", { x: x - 3.6, y: at - 3.6, width: 7.2, height: 7.2, ...attributes }, said);
  if (look === "warn") return s("path", { d: `M${x} ${at - 4.4}l4.4 7.6h-8.8z`, ...attributes }, said);
  return s("circle", { cx: x, cy: at, r: scale.step > 7 ? 2.2 : 1.3, ...attributes }, said);
}

/** The limit as a step line: it may change from window to window. */
function limitLines(cells, scale, y, right) {
  const drawn = [];
  const width = Math.max(0, ...cells.map((cell) => limitsOf(cell).length));
  for (let k = 0; k < width; k += 1) {
    let path = "";
    let last = null;
    cells.forEach((cell, i) => {
      const bound = limitsOf(cell)[k];
      if (typeof bound !== "number") { last = null; return; }
      path += last === bound ? `H${scale.at(i + 1).toFixed(1)}` : `${last === null ? "M" : "L"}${scale.at(i).toFixed(1)} ${y(bound).toFixed(1)}H${scale.at(i + 1).toFixed(1)}`;
      last = bound;
    });
    if (path) drawn.push(s("path", { d: path, class: "limit", fill: "none" }));
    const value = cells.findLast(known)?.value;
    if (last !== null) drawn.push(s("text", { x: right, y: y(last) + (value > last ? 13 : -5), class: "limit-text end" }, `limit ${number(last)}`));
  }
  return drawn;
}

function bars(shares, columns, scale, bottom, tall, left) {
  return [
    s("text", { x: left - 7, y: bottom - 3, class: "ax end" }, "labels"),
    s("line", { x1: left, x2: scale.at(columns.length), y1: bottom, y2: bottom, class: "grid" }),
    shares.map((share, i) => s("rect", { x: scale.at(i), y: bottom - tall * share, width: scale.width, height: Math.max(tall * share, share > 0 ? 0.8 : 0), class: "cover" }, tip(span(columns[i].start, columns[i].end), `${percent(share)} of its rows have labels`))),
  ];
}
