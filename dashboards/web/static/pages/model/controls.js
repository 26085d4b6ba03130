// What is looked at: range, version and window rule. Each change is a step in the history.

import { h } from "../../dom.js";
import { count, ms, span } from "../../format.js";
import { go, read } from "../../place.js";
import { ruleName } from "../../words.js";

const local = (time) => (time ? new Date(time).toISOString().slice(0, 16) : "");
const utc = (text) => (text ? `${text}:00Z` : null);

export function controls(data, refresh) {
  const { columns, kinds } = data;
  const change = (changes) => { go(changes); refresh(); };
  const from = h("input", { type: "datetime-local", value: local(read("from") ?? columns[0]?.start), "aria-label": "From, UTC" });
  const to = h("input", { type: "datetime-local", value: local(read("to") ?? columns.at(-1)?.end), "aria-label": "To, UTC" });
  const ranged = read("from") || read("to");
  const pickers = h("span", {}, from, " – ", to, " UTC ", h("button", { type: "button", onclick: () => change({ from: utc(from.value), to: utc(to.value), window: null }) }, "Show"));
  const baseline = data.model.baseline;
  return h("div", { class: "controls" },
    h("details", { id: "range" }, h("summary", { class: "pill" }, columns.length ? `${span(columns[0].start, columns.at(-1).end)}` : "Range"), pickers,
      h("span", {}, " ", h("button", { type: "button", onclick: () => change(earlier(columns, -1)) , disabled: !columns.length }, "◂ earlier"), " ", h("button", { type: "button", onclick: () => change(earlier(columns, 1)), disabled: !columns.length }, "later ▸"))),
    ranged ? h("button", { type: "button", onclick: () => change({ from: null, to: null, window: null }) }, "Back to the latest") : null,
    choice("version", "version", kinds.versions.map((v) => v ?? ""), kinds.version ?? "", (v) => v || "unversioned", change),
    choice("rule", "windows", kinds.rules, kinds.rule, ruleName, change),
    choice("slice", "slice", ["", ...(kinds.slices ?? [])], read("slice") ?? "", (name) => name || "everyone", change),
    h("span", { class: "spring" }),
    h("span", { class: "small" }, baseline ? `against the baseline ${baseline.id.slice(0, 8)}, ${count(baseline.rows)} rows` : "without a baseline"));
}

function choice(name, label, values, chosen, show, change) {
  if (values.length < 2) return null;
  return h("label", {}, label, h("select", { name, onchange: (event) => change({ [name]: event.target.value || null, window: null }) },
    values.map((value) => h("option", { value, selected: value === chosen }, show(value)))));
}

/** The same length of time, before or after. */
function earlier(columns, direction) {
  if (!columns.length) return {};
  const [start, end] = [ms(columns[0].start), ms(columns.at(-1).end)];
  const shift = (end - start) * direction;
  return { from: new Date(start + shift).toISOString(), to: new Date(end + shift).toISOString(), window: null };
}
