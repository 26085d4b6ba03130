// What the sidecars saw: captured + sampled out + dropped + undecodable, bar by bar, and the holes that are known.

import { figure, s } from "../dom.js";
import { count, ms, span } from "../format.js";
import { columnScale, holes, timeAxis, tip, valueAxis, valueScale } from "./axes.js";

export const PARTS = [["captured", "captured"], ["sampled_out", "sampled"], ["undecodable", "undecodable"], ["dropped", "dropped"]];

export const inColumn = (gaps, column) => gaps.filter((gap) => ms(gap.start) < ms(column.end) && ms(gap.end) >= ms(column.start));

export function capture(columns, gaps, { label, width = 1180, height = 150 }) {
  const [left, bottom, top] = [56, height - 26, 10];
  const scale = columnScale(columns.length, left, width - 4);
  const most = Math.max(1, ...columns.map((column) => Math.max(column.seen, PARTS.reduce((sum, [name]) => sum + column[name], 0))));
  const y = valueScale(0, most, bottom, top);
  return figure(width, height, label, {}, valueAxis(0, most, y, left, width - 4, { n: 3, show: count }),
    columns.map((column, i) => {
      let base = bottom;
      const holesHere = inColumn(gaps, column);
      return s("g", {}, tip(span(column.start, column.end), `seen ${count(column.seen)}`, ...PARTS.map(([name]) => `${name.replace("_", " ")} ${count(column[name])}`), ...holesHere.slice(0, 5).map((gap) => `gap: ${gap.reason}, about ${count(gap.exchanges_estimated)} exchanges`)),
        s("rect", { x: scale.at(i), y: top, width: scale.step, height: bottom - top, fill: "transparent" }),
        PARTS.map(([name, cls]) => {
          const tall = (column[name] / most) * (bottom - top);
          if (!tall) return null;
          base -= tall;
          return s("rect", { x: scale.at(i), y: base, width: scale.width, height: tall, class: `c-${cls}` });
        }),
        holesHere.length ? s("path", { d: `M${scale.mid(i)} ${bottom - 1}l4 5h-8z`, transform: `translate(0 ${0})`, class: "s-gap" }) : null);
    }), holes(columns, scale, bottom, top), timeAxis(columns, scale, height - 4));
}
