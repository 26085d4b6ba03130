// Numbers and times as they are read. Times are UTC and say so where they stand alone.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n) => String(n).padStart(2, "0");

export const ms = (time) => Date.parse(time);
export const clock = (time) => { const d = new Date(time); return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`; };
export const precise = (time) => `${clock(time)}:${two(new Date(time).getUTCSeconds())}`;
export const day = (time) => { const d = new Date(time); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`; };
export const moment = (time) => (time ? `${day(time)} ${clock(time)}` : "no time");

const BRIEF_MS = 10 * 60_000;

/** From when to when; with seconds where it is so short that they matter. */
export function span(start, end) {
  if (!start) return "no time";
  const at = ms(end) - ms(start) < BRIEF_MS ? precise : clock;
  return `${day(start)} ${at(start)} – ${day(start) === day(end) ? "" : `${day(end)} `}${at(end)} UTC`;
}

export function duration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  for (const [unit, size, next] of [["d", 86_400, 3_600], ["h", 3_600, 60], ["min", 60, 1]]) {
    if (seconds < size) continue;
    const whole = Math.floor(seconds / size);
    const rest = Math.floor((seconds - whole * size) / next);
    const small = { d: "h", h: "min", min: "s" }[unit];
    return rest && whole < 10 ? `${whole} ${unit} ${rest} ${small}` : `${whole} ${unit}`;
  }
  return `${seconds} s`;
}

export const count = (n) => (n === null || n === undefined ? "" : Math.round(n).toLocaleString("en-US"));

export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "none";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(1).replace("e+", "e");
  if (size >= 1000) return count(value);
  return String(Number(value.toPrecision(digits)));
}

/** Two places where they say enough, as for a distance; more for what is smaller. */
export const brief = (value) => (typeof value === "number" && Math.abs(value) >= 0.01 && Math.abs(value) < 100 ? value.toFixed(2) : number(value, 2));

export const fixed = (value, places = 3) => (value === null || value === undefined ? "none" : value.toFixed(places));
export const signed = (value, places = 3) => (value === null || value === undefined ? "none" : (value < 0 ? "−" : "+") + Math.abs(value).toFixed(places));

export function percent(share) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "none";
  const value = share * 100;
  if (value !== 0 && Math.abs(value) < 0.1) return `${Number(value.toPrecision(1))} %`;
  return `${value.toFixed(Math.abs(value) >= 99.95 ? 0 : 1)} %`;
}

const TIMES_MAX = 1_000;
/** How many times its limit: of what has no chance in it (a value without an interval) the number says nothing beyond that. */
export const times = (score) => (score === null || score === undefined ? "" : score >= TIMES_MAX ? `> ${count(TIMES_MAX)}` : score.toFixed(1));

export const limit = (threshold) =>
  threshold === null || threshold === undefined ? "no limit" : Array.isArray(threshold) ? `${number(threshold[0])} to ${number(threshold[1])}` : number(threshold);

export const value = (item) => (Number.isInteger(item) ? String(item) : typeof item === "number" ? number(item, 6) : item === null || item === undefined ? "missing" : String(item));

export const short = (text, length) => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);

/** A time just after another: `to` is exclusive. */
export const after = (time) => new Date(ms(time) + 1).toISOString();
