// The rows behind a window, a bin, a category, a group or a fault, as they were captured and redacted; and what is known of one of them.

import { get, pathOf, queryOf } from "../api.js";
import { empty, h, load, page, problem, put, section, table } from "../dom.js";
import { count, day, number, percent, precise, span, value } from "../format.js";
import { go, href, keepTheme, modelHref, onBack, read, segment } from "../place.js";
import { why } from "./model/folds.js";
import { FAULTS, picker } from "./rows/picker.js";

const NAME = segment(1);
const PAGE_ROWS = 50;
const FILTERS = ["from", "to", "version", "slice", "feature", "category", "above", "up_to", "fault", "group", "anomalous", "trace"];

const filters = () => Object.fromEntries(FILTERS.map((name) => [name, read(name)]));

/** The feature that brought the reader here first, then the others as they are. */
function columnsOf(items, feature) {
  const names = [...new Set(items.flatMap((item) => Object.keys(item.values)))];
  const first = names.filter((name) => name === feature);
  return [...first, ...names.filter((name) => name !== feature)];
}

async function one(prediction, query) {
  const scope = { version: query.version, prediction_id: prediction, limit: 1 };
  const [explained, anomalous] = await Promise.all([get(pathOf(NAME, "/explanations"), scope), get(pathOf(NAME, "/anomalies"), scope)]);
  const anomaly = anomalous.items[0];
  const rare = anomaly
    ? section(`${prediction} is rare`, `p ${number(anomaly.p, 2)}: about ${percent(anomaly.p)} of the baseline's rows are as rare.`, table([["feature", (f) => f.feature, "wrap"], ["value", (f) => value(f.value), "wrap"], ["contribution", (f) => number(f.contribution), "num"]], anomaly.features))
    : section(`${prediction} is not rare`, null, empty("It is not among the anomalous rows of its window."));
  return h("div", { class: "grid2" }, explained.items[0] ? why(explained.items[0]) : section(`${prediction} was not explained`, null, empty("A sample of each window is explained where the model is declared (`explain`); this prediction was not in it.")), rare);
}

/** What is asked of the feature, in words: `age is more than 30 and at most 35`. */
function condition(query) {
  const { feature, category, above, up_to: upTo, fault } = query;
  if (!feature) return null;
  const range = [above === null ? null : `more than ${number(Number(above), 6)}`, upTo === null ? null : `at most ${number(Number(upTo), 6)}`].filter(Boolean).join(" and ");
  return category !== null ? `${feature} is ${category}` : range ? `${feature} is ${range}` : fault ? `${feature} ${FAULTS[fault] ?? fault}` : null;
}

function title(query) {
  const what = condition(query);
  const end = what ? ` where ${what}` : query.feature ? `, ${query.feature} first` : "";
  return `${query.anomalous ? "Anomalous rows" : "Rows"}${query.group ? ` of ${query.group}` : ""}${end}`;
}

const crumb = (query) => h("div", { class: "crumb" }, h("a", { href: href("/") }, "Models"), " / ", h("a", { href: modelHref(NAME, { version: query.version, window: query.from, feature: query.feature }) }, NAME), " / rows");

function draw(found, query, model) {
  const names = columnsOf(found.items, query.feature);
  const chosen = read("prediction");
  const about = h("div", { id: "one" });
  if (chosen) load(about, () => one(chosen, query));
  const cell = (content) => (content === null || content === undefined ? h("span", { class: "small" }, "missing") : value(content));
  const columns = [
    ["time, UTC", (row) => h("span", { title: row.time }, `${day(row.time)} ${precise(row.time)}`), "when"],
    ["prediction", (row) => h("a", { href: href(location.pathname, { ...query, cursor: read("cursor"), prediction: row.prediction_id }), onclick: (event) => { event.preventDefault(); go({ prediction: row.prediction_id }); refresh(); } }, row.prediction_id)],
    ...names.map((name) => [name, (row) => cell(row.values[name]), typeof found.items[0]?.values[name] === "number" ? "num" : ""]),
    ...(found.items.some((row) => "label" in row) ? [["label", (row) => (row.label === null || row.label === undefined ? h("span", { class: "small" }, "none yet") : value(row.label))]] : []),
    ...(found.items.some((row) => row.trace) ? [["trace", (row) => (row.trace ? h("a", { href: href(location.pathname, { from: query.from, to: query.to, trace: row.trace }) }, row.trace.slice(0, 8)) : "")]] : []),
  ];
  const narrowed = Boolean(condition(query) ?? query.group ?? query.slice ?? query.anomalous ?? query.trace);
  document.title = `Rows of ${NAME} · Outrider`;
  put(page(), crumb(query), h("h1", {}, title(query)),
    h("p", { class: "lead" }, `${span(query.from, query.to)}, as they were captured and redacted${query.version ? `, version ${query.version}` : ""}${query.slice ? `; only ${query.slice}` : ""}${query.trace ? `; only trace ${query.trace}` : ""}.`),
    picker(query, model, refresh), about,
    h("section", {}, h("div", { class: "controls" }, h("b", {}, `${count(found.rows)} row${found.rows === 1 ? "" : "s"}`), h("span", { class: "spring" }), found.rows ? h("a", { class: "pill", download: "", href: pathOf(NAME, "/rows.csv") + queryOf(query) }, "All of them as CSV") : null),
      found.items.length ? table(columns, found.items, { label: "Rows", rowClass: (row) => (row.prediction_id === chosen ? "chosen" : null) }) : empty(narrowed ? "No row of this span is so. Take a condition away, or a longer span." : "No rows are kept of this span: none came, or they are past their retention."),
      h("p", { class: "small" }, found.next ? [h("a", { href: href(location.pathname, { ...query, cursor: found.next }), onclick: (event) => { event.preventDefault(); go({ cursor: found.next }); refresh(); scrollTo(0, 0); } }, `next ${PAGE_ROWS}`)] : "", read("cursor") ? [found.next ? " · " : "", h("a", { href: href(location.pathname, query) }, "first")] : "")));
}

async function refresh() {
  const query = filters();
  let model = null;
  try {
    model = await get(pathOf(NAME));
    draw(await get(pathOf(NAME, "/rows"), { ...query, limit: PAGE_ROWS, cursor: read("cursor") }), query, model);
  } catch (error) {
    put(page(), crumb(query), problem(error), model ? picker(query, model, refresh) : null);
    if (!(error.status >= 0)) console.error(error);
  }
}

keepTheme();
refresh();
onBack(refresh);
