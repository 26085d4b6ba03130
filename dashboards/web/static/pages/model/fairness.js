// Groups and their intersections beside their base group: the gaps drawn, then a line a group, the worst first.

import { groups } from "../../charts/groups.js";
import { empty, h, section } from "../../dom.js";
import { count, limit, number, percent, signed, span } from "../../format.js";
import { listing } from "../../listing.js";
import { modelHref } from "../../place.js";
import { badge, metricTitle, rankOf, wordOf } from "../../words.js";
import { askWindow, withoutTiles } from "./asking.js";

const DRAWN = ["parity_difference", "equal_opportunity_difference"];
const GROUPS_SHOWN = 16;
/** They say what could be seen; the estimate has a column of its own. */
const NOT_GAPS = /^(detectable_|estimated_)/;

const gaps = (item) => Object.entries(item.metrics).filter(([name]) => !NOT_GAPS.test(name));
/** The worst verdict; what has no limit has none. */
const worst = (item) => gaps(item).filter(([, cell]) => cell.judged && (cell.threshold !== null || cell.value === null)).map(([, cell]) => cell.status).sort((a, b) => rankOf(a) - rankOf(b))[0];
const nothing = (cell) => h("span", { class: "small", title: cell?.reason ?? "" }, cell ? wordOf(cell.status) : "");

export async function fairness(data, window) {
  if (!data.model.declaration.groups?.length) return empty("No groups are declared. ", h("code", {}, "groups: [SEX, RACE, [SEX, RACE]]"), " in the declaration compares the groups of each column, and of both together.");
  const found = await askWindow(data, "groups", window, { slice: null, limit: 2_000 });
  if (!found) return withoutTiles(data);
  if (!found.items.length) return empty(`The baseline has none of the columns ${found.columns.map((one) => one.column).join(", ")}, so there are no groups to compare.`);
  return [drawings(found), table(data, found, window), notes(found)];
}

/** A group of an intersection names its columns by its place in it. */
const nameOf = (item) => (item.column.includes(" & ") ? item.group : item.slice);

function drawings(found) {
  const compared = found.items.filter((item) => !item.is_base);
  const drawn = DRAWN.map((metric) => {
    const rows = compared.filter((item) => item.metrics[metric]).map((item) => ({ name: nameOf(item), cell: shaped(item.metrics[metric]) }));
    if (!rows.length) return null;
    const judged = rows.filter((row) => row.cell.value !== undefined);
    if (!judged.length) return section(metricTitle(metric), null, empty(`${wordOf(rows[0].cell.status)}: ${rows[0].cell.reason ?? "nothing to compare"}.`));
    const few = rows.filter((row) => row.cell.status === "insufficient_data").length;
    const more = rows.length > GROUPS_SHOWN ? ` The worst ${GROUPS_SHOWN} of ${rows.length}.` : "";
    return section(metricTitle(metric), `Group minus its base group, 95 % interval; green: allowed; n counts the group and its base.${few ? ` ${few} with too few rows to judge.` : ""}${more}`,
      groups(rows.slice(0, GROUPS_SHOWN), { label: `${metricTitle(metric)} of ${rows.length} groups, the worst first` }));
  }).filter(Boolean);
  return drawn.length ? h("div", { class: "grid2 even" }, drawn) : null;
}

/** As the grid gives cells: without what is not there. */
const shaped = (cell) => Object.fromEntries(Object.entries(cell).filter(([, value]) => value !== null));

function table(data, found, window) {
  const difference = (metric) => ({
    cell: (item) => { const shown = metric.endsWith("_ratio") ? number : signed; const cell = item.metrics[metric]; return cell?.value === null || !cell ? nothing(cell) : h("span", { title: [cell.reason, `allowed ${limit(cell.threshold)}`].filter(Boolean).join("; ") }, ["warning", "critical"].includes(cell.status) ? badge(cell.status, shown(cell.value)) : shown(cell.value), h("div", { class: "small" }, `${shown(cell.low)} to ${shown(cell.high)}`)); },
    by: (item) => item.metrics[metric]?.value ?? null, cls: "num",
  });
  const rate = (name) => ({ cell: (item) => (item[name].value === null ? h("span", { class: "small" }, "of no rows") : [percent(item[name].value), h("div", { class: "small" }, `${percent(item[name].low)} to ${percent(item[name].high)}`), h("div", { class: "small" }, `of ${count(item[name].n)}`)]), by: (item) => item[name].value, cls: "num" });
  const least = (metric) => ({ cell: (item) => { const cell = item.metrics[metric]; return cell?.value === null || !cell ? nothing(cell) : h("span", { title: cell.reason ?? "" }, number(cell.value)); }, by: (item) => item.metrics[metric]?.value ?? null, cls: "num" });
  const others = [...new Set(found.items.flatMap((item) => gaps(item).map(([name]) => name)))].filter((name) => !DRAWN.includes(name));
  const columns = [
    { head: "group", cell: (item) => h("a", { href: modelHref(data.name, { from: window.start, to: window.end, version: data.scope.version, group: item.slice }, "/rows") }, item.slice, h("div", { class: "small" }, item.is_base ? "base group" : `against ${item.base}`)), by: (item) => item.slice, cls: "wrap" },
    { head: "state", cell: (item) => (item.is_base ? "" : badge(worst(item))), by: (item) => (item.is_base ? null : -rankOf(worst(item))), cls: "num" },
    { head: "n", cell: (item) => [count(item.n), h("div", { class: "small" }, `baseline ${count(item.n_baseline)}`)], by: (item) => item.n, cls: "num" },
    { head: "said positive", title: "Share of the group's rows for which the model said positive, 95 % interval", ...rate("selected") },
    { head: "parity difference", ...difference("parity_difference") },
    { head: "least gap seen", title: "The least parity difference that so many rows would show in four windows of five", ...least("detectable_parity_difference") },
    { head: "found of positives", title: "True positive rate: of the labelled positives of the group, the share for which the model said positive", ...rate("true_positive_rate") },
    { head: "opportunity difference", ...difference("equal_opportunity_difference") },
    { head: "estimated", title: "Opportunity difference, estimated without labels", ...difference("estimated_equal_opportunity_difference") },
    ...others.map((name) => ({ head: name.replaceAll("_", " "), ...difference(name) })),
  ];
  return h("div", {}, h("p", { class: "cap" }, `${count(found.items.length)} groups of ${span(window.start, window.end)}, the worst first; base groups last. Where the least gap seen is wider than what you would accept, a quiet window proves nothing.`),
    listing(columns, found.items, { label: "Groups", text: (item) => `${item.slice} ${item.base}`, rowClass: (item) => (item.is_base ? "quiet" : null) }));
}

/** What is left out: new groups, rows without one, intersections below the floor. */
function notes(found) {
  const said = found.columns.map((one) => {
    if (one.groups === null) return `${one.column}: the baseline has no such column.`;
    if (one.n_new === null) return `${one.column}: the window's rows have no such column, or no prediction.`;
    return [`${one.column}: ${count(one.groups)} groups`, one.floor ? `of at least ${one.floor} rows in the baseline; smaller ones are not compared` : null, one.n_new ? `${count(one.n_new)} rows in groups that the baseline has not` : null, one.n_missing ? `${count(one.n_missing)} rows without a group or a usable prediction` : null].filter(Boolean).join(", ") + ".";
  });
  return h("p", { class: "small" }, said.join(" "));
}
