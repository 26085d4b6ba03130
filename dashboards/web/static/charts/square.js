// A square of shares against shares: points with whiskers and a diagonal, for calibration and gains.

import { figure, s } from "../dom.js";
import { room, tip } from "./axes.js";

/** `points`: {x, y, low, high, said}; `behind` the same without whiskers; the diagonal is what `diagonal` names. */
export function square(points, { label, xLabel, yLabel, diagonal, behind = [], width = room(460, 98), height = 330, joined = true }) {
  const [left, right, top, bottom] = [42, width - 10, 10, height - 40];
  const x = (share) => left + share * (right - left);
  const y = (share) => bottom - share * (bottom - top);
  const path = (list) => `M${list.map((one) => `${x(one.x).toFixed(1)} ${y(one.y).toFixed(1)}`).join("L")}`;
  return figure(width, height, label, {},
    [0, 0.25, 0.5, 0.75, 1].map((tick) => [
      s("line", { x1: left, x2: right, y1: y(tick), y2: y(tick), class: "grid" }), s("text", { x: left - 6, y: y(tick) + 3.5, class: "ax end" }, `${100 * tick} %`),
      s("text", { x: x(tick), y: bottom + 14, class: "ax mid" }, `${100 * tick} %`)]),
    s("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "whisker dimmed" }, tip(diagonal)),
    behind.length > 1 ? s("path", { d: path(behind), class: "line behind" }) : null,
    behind.map((one) => s("circle", { cx: x(one.x), cy: y(one.y), r: 2.4, class: "base" }, tip(one.said))),
    joined && points.length > 1 ? s("path", { d: path(points), class: "line" }) : null,
    points.map((one) => s("g", {}, tip(one.said), one.low === undefined ? null : s("line", { x1: x(one.x), x2: x(one.x), y1: y(one.low), y2: y(one.high), class: "whisker" }), s("circle", { cx: x(one.x), cy: y(one.y), r: 3.6, class: "dot" }))),
    s("text", { x: (left + right) / 2, y: height - 8, class: "ax mid" }, xLabel),
    s("text", { x: left + 6, y: top + 8, class: "ax" }, yLabel));
}
