// Window against baseline on the same bins: bars by largest change for categories, the baseline's quantile bins for numbers.

import { figure, s } from "../dom.js";
import { count, number, percent, short } from "../format.js";
import { room, tip } from "./axes.js";

const SHOWN = 12;

/** Shares of both sides, bin by bin. */
export function shares(item) {
  const [b, w] = [item.baseline, item.window_counts];
  const total = (list) => list.reduce((sum, n) => sum + n, 0) || 1;
  const [nb, nw] = [total(b), total(w)];
  const name = (i) => (item.kind === "categorical" ? item.categories[i] : between(item, i));
  const { edges } = item;
  // A bin is open below and closed above; the outer ones have one end.
  const bin = (i) => (item.kind === "categorical" ? {} : { above: i ? edges[i - 1] : null, up_to: i < edges.length ? edges[i] : null });
  return b.map((_, i) => ({ name: name(i), ...bin(i), baseline: b[i] / nb, window: w[i] / nw, n_baseline: b[i], n_window: w[i] }));
}

function between(item, i) {
  const { edges } = item;
  if (i === 0) return `up to ${number(edges[0])}`;
  if (i === edges.length) return `above ${number(edges.at(-1))}`;
  return `${number(edges[i - 1])} to ${number(edges[i])}`;
}

export const byChange = (list) => [...list].sort((a, b) => Math.abs(b.window - b.baseline) - Math.abs(a.window - a.baseline));

/** What asks for the rows of a bar; null where nothing does: the pool of the rare has no name. */
export function rowsOf(item, one) {
  if (item.kind !== "categorical") return { above: one.above, up_to: one.up_to };
  return one.name === "new" ? { fault: "new" } : ["other", "other known"].includes(one.name) ? null : { category: one.name };
}

export const overlay = (item, options) => (item.kind === "categorical" ? categories(item, options) : numbers(item, options));

function categories(item, { label, width = room(430), onPick }) {
  const list = byChange(shares(item)).slice(0, SHOWN);
  const [left, row] = [112, 30];
  const most = Math.max(...list.flatMap((one) => [one.baseline, one.window]), 0.01);
  const length = (share) => (share / most) * (width - left - 66);
  return figure(width, list.length * row, label, {}, list.map((one, i) => {
    const y = i * row;
    const picked = onPick && rowsOf(item, one);
    return s("g", picked ? { class: "cell", onclick: () => onPick(picked) } : {},
      tip(`${one.name}`, `window ${percent(one.window)} (${count(one.n_window)})`, `baseline ${percent(one.baseline)} (${count(one.n_baseline)})`, picked ? "click for its rows" : ""),
      s("rect", { x: 0, y, width, height: row, fill: "transparent" }),
      s("text", { x: left - 8, y: y + 15, class: "end" }, short(one.name, 16)),
      s("rect", { x: left, y: y + 3, width: Math.max(length(one.window), 1), height: 11, rx: 2, class: "win" }),
      s("rect", { x: left, y: y + 16, width: Math.max(length(one.baseline), 1), height: 7, rx: 2, class: "base" }),
      s("text", { x: left + length(one.window) + 6, y: y + 12.5, class: "strong" }, percent(one.window)),
      s("text", { x: left + length(one.baseline) + 6, y: y + 23, class: "ax" }, percent(one.baseline)));
  }));
}

function numbers(item, { label, width = room(430), height = 236, onPick }) {
  const list = shares(item);
  const [left, bottom, top] = [40, height - 36, 8];
  const step = (width - left - 4) / list.length;
  const most = Math.max(...list.flatMap((one) => [one.baseline, one.window]), 0.01);
  const y = (share) => bottom - (share / most) * (bottom - top);
  const stride = Math.max(1, Math.ceil(42 / step));
  return figure(width, height, label, {},
    [0, 0.5, 1].map((part) => [s("line", { x1: left, x2: width, y1: y(part * most), y2: y(part * most), class: "grid" }), s("text", { x: left - 6, y: y(part * most) + 3.5, class: "ax end" }, percent(part * most))]),
    list.map((one, i) => s("g", onPick ? { class: "cell", onclick: () => onPick(rowsOf(item, one)) } : {}, tip(one.name, `window ${percent(one.window)} (${count(one.n_window)})`, `baseline ${percent(one.baseline)} (${count(one.n_baseline)})`, onPick ? "click for its rows" : ""),
      s("rect", { x: left + i * step, y: top, width: step, height: bottom - top, fill: "transparent" }),
      s("rect", { x: left + i * step + step * 0.06, y: y(one.baseline), width: step * 0.88, height: bottom - y(one.baseline), class: "base" }),
      s("rect", { x: left + i * step + step * 0.27, y: y(one.window), width: step * 0.46, height: bottom - y(one.window), rx: 1, class: "win" }))),
    item.edges.map((edge, i) => (i % stride === 0 ? s("text", { x: left + (i + 1) * step, y: bottom + 14, class: "ax mid" }, number(edge)) : null)),
    s("text", { x: left, y: bottom + 30, class: "ax" }, "bins of the baseline, drawn equally wide"));
}
