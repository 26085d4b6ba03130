// Groups against their base group with intervals and n. What has too few rows is shown as such, not left out.

import { figure, s } from "../dom.js";
import { count, limit, number, short, signed } from "../format.js";
import { lookOf, wordOf } from "../words.js";
import { room, tip, ticks } from "./axes.js";

const ROW = 26;
/** Below it the counts are in the tooltip and in the table alone. */
const NARROW = 420;

/** Nought and at least one mark on either side: without them a gap has no size. */
const marks = (widest, isNarrow) => [isNarrow ? 2 : 3, 4, 6].map((n) => ticks(-widest, widest, n)).find((found) => found.length >= 3) ?? [0];

/** `rows`: [{name, cell}] where cell is a decision record. */
export function groups(rows, { label, width = room(560, 98) }) {
  const isNarrow = width < NARROW;
  const [left, right] = isNarrow ? [112, width - 74] : [200, width - 110];
  const judged = rows.map((row) => row.cell).filter((cell) => cell.value !== undefined);
  const bounds = judged.flatMap((cell) => [cell.value, ...(lookOf(cell.status) === "wait" ? [] : [cell.low, cell.high]), ...[cell.threshold ?? []].flat()]).filter(Number.isFinite);
  const widest = Math.max(0.05, ...bounds.map(Math.abs)) * 1.08;
  const x = (value) => left + ((Math.min(Math.max(value, -widest), widest) + widest) / (2 * widest)) * (right - left);
  const height = rows.length * ROW + 24;
  return figure(width, height, label, {},
    marks(widest, isNarrow).map((tick) => [s("line", { x1: x(tick), x2: x(tick), y1: 0, y2: rows.length * ROW, class: "grid" }), s("text", { x: x(tick), y: height - 6, class: "ax mid" }, tick === 0 ? "0" : signed(tick, 2))]),
    rows.map(({ name, cell }, i) => {
      const y = i * ROW + ROW / 2;
      const look = lookOf(cell.status);
      const zone = Array.isArray(cell.threshold) ? cell.threshold : null;
      return s("g", {}, tip(name, `n ${count(cell.n_group ?? cell.n_window)}`, `${cell.value === undefined ? "no value" : number(cell.value)} (${number(cell.low)} to ${number(cell.high)})`, `allowed ${limit(cell.threshold)}`, cell.reason, wordOf(cell.status)),
        s("rect", { x: 0, y: y - ROW / 2, width, height: ROW, fill: "transparent" }),
        zone ? s("rect", { x: x(zone[0]), y: y - ROW / 2 + 3, width: Math.max(x(zone[1]) - x(zone[0]), 1), height: ROW - 6, rx: 2, class: "okzone" }) : null,
        s("text", { x: 0, y: y + 4 }, short(name, isNarrow ? 16 : 24)),
        isNarrow ? null : s("text", { x: left - 14, y: y + 4, class: "ax end" }, `n ${count(cell.n_group ?? cell.n_window)}`),
        cell.value === undefined ? null : [
          s("line", { x1: x(cell.low ?? cell.value), x2: x(cell.high ?? cell.value), y1: y, y2: y, class: look === "wait" ? "whisker dimmed" : "whisker" }),
          look === "crit" ? s("rect", { x: x(cell.value) - 4, y: y - 4, width: 8, height: 8, class: "dot bad" }) : s("circle", { cx: x(cell.value), cy: y, r: 4, class: look === "wait" ? "ref base" : look === "warn" ? "dot warn" : "dot" }),
        ],
        s("text", { x: right + 16, y: y + 4, class: look === "wait" ? "ax" : "strong" }, look === "wait" ? wordOf(cell.status) : signed(cell.value)));
    }));
}

