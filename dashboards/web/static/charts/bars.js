// Upright bars of shares or counts, each with its name: a histogram whose bins may be of any width, drawn equally wide.

import { figure, s } from "../dom.js";
import { room, tip } from "./axes.js";

/** `bars`: {name, share, told, cls, outline}: the share is of `most`; `outline` (a share too) is drawn around it. */
export function bars(list, { label, width = room(560, 98), height = 170, left = 44, show, every, marks = [] }) {
  const [bottom, top] = [height - 24, 14];
  const step = (width - left - 4) / list.length;
  const most = Math.max(...list.flatMap((one) => [one.share, one.outline ?? 0]), 1e-9);
  const y = (share) => bottom - (share / most) * (bottom - top);
  const stride = every ?? Math.max(1, Math.ceil(54 / step));
  return figure(width, height, label, {},
    [0, 0.5, 1].map((part) => [s("line", { x1: left, x2: width, y1: y(part * most), y2: y(part * most), class: "grid" }), s("text", { x: left - 6, y: y(part * most) + 3.5, class: "ax end" }, show(part * most))]),
    list.map((one, i) => s("g", {}, tip(one.name, one.told),
      s("rect", { x: left + i * step, y: top, width: step, height: bottom - top, fill: "transparent" }),
      one.outline ? s("rect", { x: left + i * step + step * 0.1, y: y(one.outline), width: step * 0.8, height: bottom - y(one.outline), class: "outline" }) : null,
      s("rect", { x: left + i * step + step * 0.1, y: y(one.share), width: step * 0.8, height: Math.max(bottom - y(one.share), one.share > 0 ? 0.8 : 0), class: one.cls ?? "win" }))),
    list.map((one, i) => (i % stride === 0 ? s("text", { x: left + (i + 0.5) * step, y: bottom + 14, class: "ax mid" }, one.short ?? one.name) : null)),
    marks.map((mark) => [s("line", { x1: left + mark.at * step, x2: left + mark.at * step, y1: top - 4, y2: bottom, class: "limit" }), s("text", { x: left + mark.at * step + 4, y: top + 4, class: "limit-text" }, mark.text)]));
}
