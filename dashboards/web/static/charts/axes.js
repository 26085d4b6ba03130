// Scales and axes that charts share. Every chart over time has one column a window (or group of windows), so charts line up.

import { s } from "../dom.js";
import { clock, day, duration, ms, number, precise } from "../format.js";

const NARROW = 900;
const BESIDE = 66;

/** How wide a chart is drawn: as asked, or as a narrow screen has room, so that its text keeps its size. `beside` is what stands next to it. */
export const room = (width, beside = BESIDE) => (innerWidth > NARROW ? width : Math.max(240, Math.min(width, innerWidth - beside)));

/** Draw anew when the screen becomes narrow, or wide again. */
export const onRoom = (draw) => matchMedia(`(max-width: ${NARROW}px)`).addEventListener("change", draw);

/** Positions of n columns between left and right. */
export function columnScale(n, left, right) {
  const step = (right - left) / Math.max(n, 1);
  const gap = step > 6 ? 1.4 : step > 3 ? 0.8 : 0;
  return { step, width: Math.max(step - gap, 0.6), at: (i) => left + i * step, mid: (i) => left + (i + 0.5) * step, index: (x) => Math.min(n - 1, Math.max(0, Math.floor((x - left) / step))) };
}

const SHORT_WINDOW_MS = 60_000;
const LETTER = 6.2;

/** Times under the columns, as many as fit; the date where it changes. */
export function timeAxis(columns, scale, y) {
  const n = columns.length;
  if (!n) return null;
  const at = ms(columns[n - 1].end) - ms(columns[n - 1].start) < SHORT_WINDOW_MS * columns[n - 1].windows ? precise : clock;
  const longest = `00 Mmm ${at(columns[0].start)}`.length * LETTER;
  const stride = Math.max(1, Math.ceil((longest * 0.82 + 10) / scale.step));
  const [marks, right] = [[], scale.at(n)];
  let [shownDay, free] = [null, -Infinity];
  for (let i = 0; i < n; i += stride) {
    const { start } = columns[i];
    const today = day(start);
    const text = today === shownDay ? at(start) : `${today} ${at(start)}`;
    const x = scale.at(i);
    if (x < free || x + text.length * LETTER > right + LETTER * 2) continue;
    marks.push(s("line", { x1: x + 0.5, x2: x + 0.5, y1: y - 12, y2: y - 9, class: "grid" }), s("text", { x, y, class: "ax" }, text));
    [shownDay, free] = [today, x + text.length * LETTER + 8];
  }
  return s("g", { "aria-hidden": "true" }, marks, holes(columns, scale, y - 10));
}

/** A dashed line where the next window does not begin where the last one ended: the axis skips time there. */
export function holes(columns, scale, bottom, top = bottom - 4) {
  const marks = [];
  for (let i = 1; i < columns.length; i += 1) {
    const pause = ms(columns[i].start) - ms(columns[i - 1].end);
    const usual = ms(columns[i - 1].end) - ms(columns[i - 1].start);
    if (pause > usual / 2 && pause > 1000) marks.push(s("line", { x1: scale.at(i) - 0.7, x2: scale.at(i) - 0.7, y1: top - 2, y2: bottom + 3, class: "whisker dimmed" }, s("title", {}, `${duration(pause)} without windows`)));
  }
  return marks;
}

/** Round numbers from low to high, about n of them. */
export function ticks(low, high, n = 4) {
  const raw = (high - low) / Math.max(n, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((candidate) => candidate >= raw) ?? raw;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(Number((i * step).toPrecision(12)));
  return found;
}

export function valueScale(low, high, bottom, top) {
  const range = high - low || 1;
  return (value) => bottom - ((value - low) / range) * (bottom - top);
}

export function valueAxis(low, high, y, left, right, { n = 4, show = number } = {}) {
  return ticks(low, high, n).map((tick) => [
    s("line", { x1: left, x2: right, y1: y(tick), y2: y(tick), class: "grid" }),
    s("text", { x: left - 7, y: y(tick) + 3.5, class: "ax end" }, show(tick)),
  ]);
}

/** Short names for what lies under the pointer: SVG titles are read by screen readers too. */
export const tip = (...lines) => s("title", {}, lines.filter(Boolean).join("\n"));
