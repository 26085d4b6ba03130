// What Evidently says of the windows, beside ours: which were asked about, its figures of windows and columns, its report.

import { get, pathOf } from "../../api.js";
import { room } from "../../charts/axes.js";
import { line } from "../../charts/line.js";
import { strip } from "../../charts/strip.js";
import { empty, h, section, table } from "../../dom.js";
import { count, duration, limit, ms, number, span } from "../../format.js";
import { listing } from "../../listing.js";
import { badge, lookOf, metricName, wordOf } from "../../words.js";

const CHARTS_SHOWN = 6;
const PREFIX = "evidently_";
const WORDS = { answered: "answered", waiting: "waiting", not_asked: "not asked" };
const TALL = { answered: "ok", waiting: "wait", not_asked: "none" };
const DOCS = "metrics and presets that the declaration names under `evidently`";

const nameOf = (metric) => metricName(metric.replace(PREFIX, ""));
const titleOf = (one) => nameOf(one.metric).replace(/^./, (first) => first.toUpperCase()) + (one.feature ? ` of ${one.feature}` : "");
/** Drift of the window, then the chosen column, then the rest. */
const rank = (one) => (one.metric === "evidently_drifted_columns_share" ? 0 : one.feature === null ? 2 : 1);
const wordFor = (state) => WORDS[state] ?? wordOf(state);

export async function evidently(data, window, feature) {
  const { from, to, version, rule } = data.scope;
  // `to` is exclusive and a window's start: that of the last one lies before it.
  const found = await get(pathOf(data.name, "/evidently/windows"), { from, to, version, rule, feature: feature ?? "", at: window.start });
  const head = [facts(found), report(data, window)];
  if (!found.asked.length) return [empty("This model's declaration asks Evidently nothing. With `evidently: [DataDriftPreset]` its drift preset is measured in every window; its report of this window can be made all the same."), report(data, window)];
  if (!found.windows.length) return [...head, empty("No window of this range has been closed yet.")];
  const at = found.windows.findIndex((one) => ms(one.start) === ms(window.start));
  return [...head, states(found, at), ...charts(found, at), figures(found, found.windows[at], window)];
}

function facts(found) {
  const states = found.windows.map((one) => one.state);
  const of = (state) => states.filter((one) => one === state).length;
  const rest = states.length - of("answered") - of("waiting") - of("not_asked");
  const parts = [`${count(of("answered"))} of ${count(states.length)} windows answered`, of("waiting") ? `${count(of("waiting"))} waiting` : "", rest ? `${count(rest)} without a value` : "", of("not_asked") ? `${count(of("not_asked"))} not asked about` : ""];
  return [h("p", { class: "cap" }, `Asked for: ${found.asked.join(", ") || "nothing"}. ${found.windows.length ? parts.filter(Boolean).join(" · ") : ""}${found.owed > of("waiting") ? ` · ${count(found.owed)} of this model wait in all` : ""}`),
    h("p", { class: "small" }, `A second opinion: ${DOCS}, by its own defaults. Never judged but by a range that \`checks\` declares; only windows that such a range judges wait for it.`)];
}

function report(data, window) {
  return h("p", {}, h("a", { class: "pill", target: "_blank", rel: "noopener", href: `${pathOf(data.name, "/report")}?${new URLSearchParams({ from: window.start, to: window.end, ...(data.scope.version ? { version: data.scope.version } : {}) })}` }, "Make Evidently's report"), " ", h("span", { class: "small" }, `of the rows of ${span(window.start, window.end)} against the baseline, in a new tab; it takes some seconds`));
}

/** Which windows have an answer, and in words why the others have none. */
function states(found, at) {
  const cells = found.windows.map((one) => ({ status: wordFor(one.state), look: TALL[one.state] ?? lookOf(one.state), note: one.reason ?? `${count(one.metrics)} metrics` }));
  const without = found.windows.filter((one) => one.state !== "answered" || one.reason);
  const waits = (one) => (one.since ? `for ${duration(Date.now() - ms(one.since))}` : "");
  return section("Answers", "One bar a window: filled where it is answered, hollow where it waits or has no value, a line where nothing was asked.",
    strip(found.windows, cells, { label: `Evidently's answers of ${count(found.windows.length)} windows, ${count(without.length)} of them without a value of everything`, selected: at, width: room(1400, 66) }),
    without.length ? h("details", {}, h("summary", { class: "small" }, `${count(without.length)} without a value of everything, and why`),
      table([["window, UTC", (one) => span(one.start, one.end), "when"], ["state", (one) => badge(one.state, wordFor(one.state))], ["since", waits, "num"], ["n", (one) => count(one.n_window), "num"], ["why", (one) => one.reason ?? "", "wrap small"]], without.toReversed(), { label: "Windows without an answer" })) : null);
}

/** What is said of windows as a whole, and of the chosen column, over time. */
function charts(found, at) {
  const columns = found.windows.map((one) => ({ start: one.start, end: one.end, windows: 1, n_window: one.n_window, labelled: 0, seen: 0, status: "ok" }));
  const drawn = found.series.toSorted((a, b) => rank(a) - rank(b)).map((one) => section(titleOf(one), latest(one, at),
    line(columns, one.cells.map((cell) => (cell && cell.value !== null ? cell : null)), { label: `${titleOf(one)} over ${count(columns.length)} windows`, height: 130, selected: at, width: room(560), right: room(560) - 8 })));
  if (!drawn.length) return [empty("Nothing of these windows as a whole has a value (yet); what is said of columns stands below.")];
  const rest = drawn.slice(CHARTS_SHOWN);
  return [h("div", { class: "grid2 even" }, drawn.slice(0, CHARTS_SHOWN)), rest.length ? h("details", {}, h("summary", { class: "small" }, `${count(rest.length)} more over time`), h("div", { class: "grid2 even" }, rest)) : null];
}

function latest(one, at) {
  const cell = at >= 0 ? one.cells[at] : one.cells.findLast(Boolean);
  if (!cell) return "nothing is said of the chosen window";
  return `${cell.value === null ? wordOf(cell.status) : number(cell.value, 4)}, n ${count(cell.n_window)}${cell.n_missing ? `, ${count(cell.n_missing)} missing` : ""}${cell.n_baseline ? ` against ${count(cell.n_baseline)}` : ""}${cell.threshold === null ? "" : ` · range ${limit(cell.threshold)}`}${cell.reason ? ` · ${cell.reason}` : ""}`;
}

/** All figures of the chosen window: one line a column of the rows, one heading a metric. */
function figures(found, own, window) {
  const title = `Figures of ${span(window.start, window.end)}`;
  if (!found.records.length) return section(title, null, empty(own ? `${wordFor(own.state).replace(/^./, (first) => first.toUpperCase())}: ${own.reason ?? "nothing is said of it"}.` : "This window is not among the newest of the range."));
  const whole = found.records.filter((one) => one.feature === null);
  const metrics = [...new Set(found.records.filter((one) => one.feature !== null).map((one) => one.metric))];
  const features = [...new Set(found.records.filter((one) => one.feature !== null).map((one) => one.feature))].map((feature) => ({ feature, of: Object.fromEntries(found.records.filter((one) => one.feature === feature).map((one) => [one.metric, one])) }));
  const said = (one) => (!one ? "" : h("span", { title: [`n ${count(one.n_window)}, ${count(one.n_missing)} missing`, one.reason].filter(Boolean).join("; ") }, one.value === null ? wordOf(one.status) : lookOf(one.status) === "crit" ? badge(one.status, number(one.value, 4)) : number(one.value, 4)));
  const why = (item) => [...new Set(Object.values(item.of).map((one) => one.reason).filter(Boolean))].join("; ");
  const rows = (item) => { const [one] = Object.values(item.of); return count(one.n_window - one.n_missing); };
  const state = (one) => (one.value !== null && one.threshold === null ? h("span", { class: "small" }, "not judged") : badge(one.status));
  const caption = `${count(found.records.length)} values, each with its counts as its tooltip.`;
  return [whole.length ? section(title, caption, table([["of the window", (one) => nameOf(one.metric), "wrap"], ["value", said, "num"], ["n", (one) => count(one.n_window), "num"], ["n baseline", (one) => (one.n_baseline ? count(one.n_baseline) : ""), "num"], ["range", (one) => (one.threshold === null ? "" : limit(one.threshold))], ["state", state], ["why", (one) => one.reason ?? "", "wrap small"]], whole, { label: "Evidently's figures of the window" })) : null,
    features.length ? section(`${title}, column by column`, whole.length ? null : caption, listing([
      { head: "column", cell: (item) => item.feature, by: (item) => item.feature, cls: "wrap" },
      { head: "n", cell: rows, cls: "num", title: "Rows with a value" },
      ...metrics.map((metric) => ({ head: nameOf(metric), cell: (item) => said(item.of[metric]), by: (item) => item.of[metric]?.value, cls: "num" })),
      { head: "method and limit of its own", cell: why, cls: "wrap small" },
    ], features, { label: "Evidently's figures of each column", text: (item) => item.feature })) : null];
}
