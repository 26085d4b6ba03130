// What columns have to keep to: as declared, as the baseline suggests, and what breaks it in the chosen window.

import { get, pathOf } from "../../api.js";
import { copyable, empty, h } from "../../dom.js";
import { count, number, percent, span } from "../../format.js";
import { listing } from "../../listing.js";
import { modelHref } from "../../place.js";
import { badge } from "../../words.js";
import { askWindow } from "./asking.js";

const VALUES_SHOWN = 6;

/** A rule in words: `whole, 16 to 100, never null`. */
function said(rule) {
  if (!rule) return h("span", { class: "small" }, "nothing");
  const range = rule.min === undefined && rule.max === undefined ? null : rule.min === undefined ? `at most ${number(rule.max, 6)}` : rule.max === undefined ? `at least ${number(rule.min, 6)}` : `${number(rule.min, 6)} to ${number(rule.max, 6)}`;
  const values = rule.values ? `one of ${count(rule.values.length)}: ${rule.values.slice(0, VALUES_SHOWN).join(", ")}${rule.values.length > VALUES_SHOWN ? ", …" : ""}` : null;
  return h("span", { title: rule.values?.join(", ") }, [rule.type, range, values, rule.not_null ? "never null" : null].filter(Boolean).join(", "));
}

export async function schema(data, window) {
  const [rules, found] = await Promise.all([get(pathOf(data.name, "/schema")), askWindow(data, "quality", window, { limit: 5_000 })]);
  const broken = Object.fromEntries((found?.items ?? []).map((item) => [item.column, item.metrics.schema_violation_ratio]));
  const declared = rules.items.some((item) => item.declared);
  const breaks = (item) => {
    const cell = broken[item.column];
    if (!cell) return item.declared ? h("span", { class: "small" }, "not measured in this window") : "";
    if (cell.value === null) return h("span", { class: "small" }, cell.reason ?? cell.status);
    const text = cell.value === 0 ? "none" : badge(cell.status, `${count(Math.round(cell.value * cell.n_window))} rows, ${percent(cell.value)}`);
    return cell.value === 0 ? text : [h("a", { href: modelHref(data.name, { from: window.start, to: window.end, version: data.scope.version, slice: data.scope.slice, feature: item.column, fault: "schema" }, "/rows") }, text), h("div", { class: "small" }, cell.reason)];
  };
  const sorted = [...rules.items].sort((a, b) => (broken[b.column]?.value ?? -1) - (broken[a.column]?.value ?? -1));
  const columns = [
    { head: "column", cell: (item) => item.column, by: (item) => item.column, cls: "wrap" },
    ...(declared ? [{ head: "declared", cell: (item) => said(item.declared), cls: "wrap" }, { head: "broken in the window", cell: breaks, by: (item) => broken[item.column]?.value ?? null, cls: "wrap" }] : []),
    { head: "the baseline suggests", cell: (item) => said(item.learned), cls: "wrap" },
  ];
  const from = rules.learned_from ? `the ${count(rules.learned_from.rows)} rows of the baseline ${rules.learned_from.baseline.slice(0, 8)}` : "the first window";
  const table = rules.items.length ? listing(columns, rules.items.length ? sorted : [], { label: "Schema by column", text: (item) => item.column }) : empty("No column is known yet: neither a baseline nor a window has come.");
  return [h("p", { class: "cap" }, declared ? `Declared: every row has to keep to it, whatever the baseline holds. Broken: in ${span(window.start, window.end)}.` : "No schema is declared, so nothing is held against one. What the baseline suggests can be taken over below."),
    table, rules.section ? proposal(data.name, rules, from) : null];
}

function proposal(model, rules, from) {
  const file = `${model}.yaml`;
  return h("details", {}, h("summary", {}, "Take the suggestion over"),
    h("p", { class: "small" }, `Learned from ${from}; what is declared already stays as it is. Save the declaration, look it over, apply it:`),
    copyable(`outrider model propose ${model} --monitor ${location.origin} > ${file}\noutrider model apply ${file} --monitor ${location.origin}`, "Copy the commands"),
    h("p", { class: "small" }, "Its part ", h("code", {}, "schema"), ":"), copyable(rules.section, "Copy the schema"));
}
