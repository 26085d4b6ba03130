// The rows behind a window, a feature or a category, as they were captured and redacted; and what is known of one of them.

import { get, pathOf } from "../api.js";
import { empty, h, load, page, problem, put, section, table } from "../dom.js";
import { count, day, number, percent, precise, span, value } from "../format.js";
import { go, href, keepTheme, modelHref, onBack, read, segment } from "../place.js";
import { why } from "./model/folds.js";

const NAME = segment(1);
const PAGE_ROWS = 50;

const filters = () => Object.fromEntries(["from", "to", "version", "slice", "feature", "category"].map((name) => [name, read(name)]));

/** The feature that brought the reader here first, then the others as they are. */
function columnsOf(items, feature) {
  const names = [...new Set(items.flatMap((item) => Object.keys(item.values)))];
  const first = names.filter((name) => name === feature);
  return [...first, ...names.filter((name) => name !== feature)];
}

function picker(query) {
  const feature = h("input", { name: "feature", value: query.feature ?? "", placeholder: "feature", "aria-label": "Feature" });
  const category = h("input", { name: "category", value: query.category ?? "", placeholder: "category", "aria-label": "Category" });
  return h("form", { class: "controls", onsubmit: (event) => { event.preventDefault(); go({ feature: feature.value, category: category.value, cursor: null }); refresh(); } },
    h("label", {}, "only rows where", feature, "is", category), h("button", {}, "Show"),
    query.category ? h("button", { type: "button", onclick: () => { go({ category: null, cursor: null }); refresh(); } }, "All rows of the window") : null);
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

function draw(found, query) {
  const names = columnsOf(found.items, query.feature);
  const chosen = read("prediction");
  const about = h("div", { id: "one" });
  if (chosen) load(about, () => one(chosen, query));
  const columns = [
    ["time, UTC", (row) => h("span", { title: row.time }, `${day(row.time)} ${precise(row.time)}`), "when"],
    ["prediction", (row) => h("a", { href: href(location.pathname, { ...query, cursor: read("cursor"), prediction: row.prediction_id }), onclick: (event) => { event.preventDefault(); go({ prediction: row.prediction_id }); refresh(); } }, row.prediction_id)],
    ...names.map((name) => [name, (row) => (row.values[name] === null ? h("span", { class: "small" }, "missing") : value(row.values[name])), typeof found.items[0]?.values[name] === "number" ? "num" : ""]),
  ];
  document.title = `Rows of ${NAME} · Outrider`;
  put(page(),
    h("div", { class: "crumb" }, h("a", { href: href("/") }, "Models"), " / ", h("a", { href: modelHref(NAME, { version: query.version, window: query.from, feature: query.feature }) }, NAME), " / rows"),
    h("h1", {}, query.category ? `Rows where ${query.feature} is ${query.category}` : query.feature ? `Rows, ${query.feature} first` : "Rows"),
    h("p", { class: "lead" }, `${span(query.from, query.to)}, as they were captured and redacted${query.version ? `, version ${query.version}` : ""}${query.slice ? `; only ${query.slice}` : ""}.`),
    picker(query), about,
    h("section", {}, found.items.length ? table(columns, found.items, { label: "Rows", rowClass: (row) => (row.prediction_id === chosen ? "chosen" : null) }) : empty(query.category ? `No row of this span has ${query.feature} = ${query.category}.` : "No rows are kept of this span: none came, or they are past their retention."),
      h("p", { class: "small" }, `${count(found.items.length)} rows${found.next ? ` of more · ` : ""}`, found.next ? h("a", { href: href(location.pathname, { ...query, cursor: found.next }), onclick: (event) => { event.preventDefault(); go({ cursor: found.next }); refresh(); scrollTo(0, 0); } }, `next ${PAGE_ROWS}`) : "", read("cursor") ? [" · ", h("a", { href: href(location.pathname, query) }, "first")] : "")));
}

async function refresh() {
  const query = filters();
  try {
    draw(await get(pathOf(NAME, "/rows"), { ...query, limit: PAGE_ROWS, cursor: read("cursor") }), query);
  } catch (error) {
    put(page(), h("div", { class: "crumb" }, h("a", { href: href("/") }, "Models"), " / ", h("a", { href: modelHref(NAME) }, NAME), " / rows"), problem(error), picker(query));
    if (!(error.status >= 0)) console.error(error);
  }
}

keepTheme();
refresh();
onBack(refresh);
