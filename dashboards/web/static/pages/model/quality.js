// What is wrong with the values of each column: one line a column, the worst first; each share leads to its rows.

import { h } from "../../dom.js";
import { count, duration, moment, ms, percent, span } from "../../format.js";
import { listing } from "../../listing.js";
import { modelHref } from "../../place.js";
import { badge, lookOf, rankOf, wordOf } from "../../words.js";
import { askWindow, withoutTiles } from "./asking.js";

/** Heading, metric, and what the rows page calls such rows. */
const FAULTS = [
  ["missing", "missing_ratio", "missing", "Rows without a usable value"],
  ["new", "unseen_ratio", "new", "Values whose category the baseline has not"],
  ["outside", "out_of_range_ratio", "outside", "Values outside the baseline's range"],
  ["NaN", "nan_ratio", null, "Values that are not a number"],
  ["infinite", "infinite_ratio", null, "Infinite values"],
  ["breaks the schema", "schema_violation_ratio", "schema", "Rows that break the declared schema"],
  ["commonest", "commonest_ratio", null, "Share of the commonest value; 100 % is a constant column"],
];
const SHOWN_OF = { duplicate_row_ratio: "Rows that came before", duplicate_id_ratio: "Ids that came before", longest_gap_seconds: "Longest time without a row" };

const worst = (item) => Object.entries(item.metrics).filter(([name]) => name !== "commonest_ratio").map(([, cell]) => cell.status).sort((a, b) => rankOf(a) - rankOf(b))[0];
const valueOf = (item, metric) => item.metrics[metric]?.value ?? null;

export async function quality(data, window) {
  const found = await askWindow(data, "quality", window, { limit: 5_000 });
  if (!found) return withoutTiles(data);
  const rows = (more) => modelHref(data.name, { from: window.start, to: window.end, version: data.scope.version, slice: data.scope.slice, ...more }, "/rows");
  const share = (metric, fault) => (item) => {
    const cell = item.metrics[metric];
    if (!cell) return "";
    if (cell.value === null || cell.value === undefined) return h("span", { class: "small", title: cell.reason ?? "" }, wordOf(cell.status));
    const look = lookOf(cell.status);
    const limit = cell.threshold === null ? null : [cell.threshold].flat().at(-1);
    const said = [`${percent(cell.low)} to ${percent(cell.high)}, n ${count(cell.n_window)}`, limit === null ? "" : `limit ${percent(limit)}`, cell.reason].filter(Boolean).join("; ");
    const text = look === "ok" || look === "wait" ? percent(cell.value) : badge(cell.status, percent(cell.value));
    return fault && cell.value > 0 ? h("a", { href: rows({ feature: item.column, fault }), title: said }, text) : h("span", { title: said }, text);
  };
  const there = FAULTS.filter(([, metric]) => found.items.some((item) => item.metrics[metric]));
  const because = (item) => FAULTS.filter(([, metric]) => metric !== "commonest_ratio" || valueOf(item, metric) === 1).map(([, metric]) => item.metrics[metric]?.reason).filter(Boolean).join("; ");
  const columns = [
    { head: "column", cell: (item) => item.column, by: (item) => item.column, cls: "wrap" },
    { head: "kind", cell: (item) => (typeof item.kind === "string" ? item.kind : "vector"), by: (item) => String(item.kind) },
    { head: "state", cell: (item) => badge(worst(item)), by: (item) => -rankOf(worst(item)), cls: "num" },
    ...there.map(([head, metric, fault, title]) => ({ head, title, cell: share(metric, fault), by: (item) => valueOf(item, metric), cls: "num" })),
    { head: "what", cell: because, cls: "wrap small" },
  ];
  return [facts(found), h("p", { class: "cap" }, `${count(found.rows)} rows of ${span(window.start, window.end)} against ${count(found.n_baseline)} of the baseline, the worst first. A share leads to its rows; its interval and limit are its tooltip.`),
    listing(columns, found.items, { label: "Data quality by column", text: (item) => item.column })];
}

/** What is told of rows as rows, and how old the newest is. */
function facts(found) {
  const whole = Object.entries(found.whole).map(([metric, cell]) => [SHOWN_OF[metric], cell.value === null ? h("span", { class: "small" }, cell.reason ?? wordOf(cell.status)) : metric === "longest_gap_seconds" ? [duration(cell.value * 1000), cell.status === "ok" ? "" : [" ", badge(cell.status)]] : [`${percent(cell.value)} `, cell.status === "ok" ? "" : badge(cell.status)], cell.reason]);
  const fresh = found.last_row ? ["Newest row", `${duration(Date.now() - ms(found.last_row))} ago`, `${moment(found.last_row)} UTC`] : ["Newest row", h("span", { class: "small" }, "none is kept"), ""];
  const unasked = whole.length ? null : ["Duplicates and gaps", h("span", { class: "small" }, "not measured"), "declare metrics: [duplicate_row_ratio, duplicate_id_ratio, longest_gap_seconds]"];
  return h("dl", { class: "facts" }, [fresh, ...whole, unasked].filter(Boolean).map(([name, said, more]) => h("div", {}, h("dt", {}, name), h("dd", {}, said, more && typeof more === "string" ? h("div", { class: "small" }, more) : null))));
}

