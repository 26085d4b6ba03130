// From the average prediction to this one, a step a feature.

import { figure, s } from "../dom.js";
import { number, short, signed, value } from "../format.js";
import { tip } from "./axes.js";

const ROW = 24;

/** `item` is an explanation record: base, prediction, features with phi, value and standard error, rest. */
export function waterfall(item, { label, width = 430 }) {
  const steps = item.features.map((one) => ({ name: `${one.feature} = ${value(one.value)}`, phi: one.phi, error: one.standard_error }));
  if (item.rest) steps.push({ name: "all others", phi: item.rest, error: null });
  const marks = steps.reduce((list, step) => [...list, list.at(-1) + step.phi], [item.base]);
  const [low, high] = [Math.min(...marks), Math.max(...marks)];
  const [left, right] = [136, width - 92];
  const x = (v) => left + ((v - low) / (high - low || 1)) * (right - left);
  const height = (steps.length + 2) * ROW;
  const end = (y, text, at) => [s("text", { x: left - 8, y: y + 15, class: "ax end" }, text), s("line", { x1: x(at), x2: x(at), y1: y + 3, y2: y + ROW - 3, class: "whisker" }), s("text", { x: x(at) + 6, y: y + 16, class: "ax" }, number(at))];
  return figure(width, height, label, {}, end(0, "on average", item.base), steps.map((step, i) => {
    const [from, to] = [x(marks[i]), x(marks[i + 1])];
    const y = (i + 1) * ROW;
    return s("g", {}, tip(step.name, `${signed(step.phi)}${step.error ? ` ± ${number(step.error, 2)}` : ""}`),
      s("text", { x: left - 8, y: y + 15, class: "end" }, short(step.name, 20)),
      s("rect", { x: Math.min(from, to), y: y + 5, width: Math.max(Math.abs(to - from), 1), height: ROW - 10, rx: 1.5, class: step.phi < 0 ? "neg" : "pos" }),
      s("text", { x: Math.max(from, to) + 6, y: y + 16 }, s("tspan", { class: "strong" }, signed(step.phi)), step.error ? s("tspan", { class: "ax" }, ` ± ${number(step.error, 1)}`) : null));
  }), end((steps.length + 1) * ROW, "this one", marks.at(-1)));
}
