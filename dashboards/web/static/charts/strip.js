// One line of states over the columns. The taller the bar the worse, so that the state is seen without its colour.

import { figure, s } from "../dom.js";
import { span } from "../format.js";
import { lookOf, several, wordOf } from "../words.js";
import { columnScale, tip } from "./axes.js";

const HEIGHT = 18;
const TALL = { crit: 18, warn: 12.5, ok: 7, wait: 7, none: 2 };

/** `cells[i]` is {status, note} or null for nothing there; `gap` marks a column with a known hole. */
export function strip(columns, cells, { label, width = 640, selected = -1, onSelect } = {}) {
  const scale = columnScale(columns.length, 0, width);
  const bars = cells.map((cell, i) => {
    const look = cell ? (cell.look ?? lookOf(cell.status)) : "none";
    const tall = TALL[look] ?? 18;
    const line = look === "wait" ? 0.6 : 0;
    return s("rect", {
      x: scale.at(i) + line, y: HEIGHT - tall + line, width: Math.max(scale.width - 2 * line, 0.5), height: tall - 2 * line, rx: scale.width > 4 ? 1.5 : 0, class: `s-${look}`,
    }, tip(span(columns[i].start, columns[i].end), cell ? [wordOf(cell.status), cell.note].filter(Boolean).join(": ") : "nothing measured", several(columns[i])));
  });
  const cursor = selected >= 0 ? s("rect", { x: scale.at(selected) - 1.5, y: -2.5, width: scale.width + 3, height: HEIGHT + 5, rx: 2.5, class: "cursor" }) : null;
  const chart = figure(width, HEIGHT, label, { preserveAspectRatio: "none", height: HEIGHT }, bars, cursor);
  chart.style.height = `${HEIGHT}px`;
  if (onSelect) {
    chart.style.cursor = "pointer";
    chart.addEventListener("click", (event) => {
      const box = chart.getBoundingClientRect();
      onSelect(scale.index(((event.clientX - box.left) / box.width) * width));
    });
  }
  return chart;
}
