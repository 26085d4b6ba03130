// The model's page: the answer first, then the evidence on one time axis. Everything chosen is in the URL.

import { all, get, pathOf } from "../api.js";
import { h, page, problem, put } from "../dom.js";
import { everySeconds, go, href, keepTheme, onBack, read, segment } from "../place.js";
import { metricName, rankOf, ruleName } from "../words.js";
import { onRoom } from "../charts/axes.js";
import { verdict } from "./model/verdict.js";
import { strips } from "./model/strips.js";
import { controls } from "./model/controls.js";
import { driftMap, CHECKS } from "./model/drift.js";
import { distribution, overTime } from "./model/feature.js";
import { performance } from "./model/performance.js";
import { folds } from "./model/folds.js";

const NAME = segment(1);
const COLUMNS = 60;
/** Rows of the heat map: more do not fit beside the panel that they choose. */
const ROWS = 24;
let drawn = "";
let shown = null;

/** All that the first picture needs. One grid fixes the columns; the others are asked for the same span. */
async function fetched() {
  const range = { from: read("from"), to: read("to"), version: read("version"), rule: read("rule"), columns: COLUMNS };
  const [model, kinds, alerts] = await Promise.all([
    get(pathOf(NAME)), get(pathOf(NAME, "/grid"), { ...range, per: "kind", slice: read("slice") }), all("/api/v1/alerts", { model: NAME }),
  ]);
  const { columns } = kinds;
  const span = columns.length ? { from: columns[0].start, to: columns.at(-1).end } : { from: range.from, to: range.to };
  const scope = { ...span, version: kinds.version ?? "", rule: kinds.rule, columns: COLUMNS, slice: read("slice") ?? "" };
  if (!columns.length) return { name: NAME, model, kinds, alerts, columns, scope, features: { rows: [], of: 0, folded: 0 }, gaps: [] };
  const usual = usualCheck(alerts, kinds.version);
  const check = CHECKS[read("check")] ? read("check") : read("feature") ? "drift" : usual;
  const of = (metric) => get(pathOf(NAME, "/grid"), { ...scope, version: kinds.version, per: "feature", kind: CHECKS[check].kind, metric, rows: ROWS, skip: read("skip"), match: read("match"), order: read("order") });
  const others = check === "drift" ? [...(hasVectors(model) ? [of(CHECKS.vectors.metric)] : []), ...wholeRows(model).map((metric) => of(metric).then((found) => named(found, metric)))] : [];
  const [features, gaps, ...beside] = await Promise.all([of(CHECKS[check].metric), all(pathOf(NAME, "/gaps"), span, 2_000), ...others]);
  return { name: NAME, model, kinds, alerts, columns, scope: { ...scope, version: kinds.version }, check, usual, features: beside.reduce(together, features), gaps };
}

/** What the map shows where nobody has chosen: what the open alerts are about, so that it does not look quiet beneath them. */
function usualCheck(alerts, version) {
  const open = alerts.filter((alert) => alert.state === "firing" && (alert.version ?? null) === (version ?? null));
  const has = (kind) => open.find((alert) => alert.kind === kind);
  if (has("drift")) return Object.keys(CHECKS).find((name) => CHECKS[name].pairs && CHECKS[name].metric === has("drift").features[0]?.metric) ?? "drift";
  return has("prediction_drift") ? "predictions" : has("label_drift") ? "labels" : "drift";
}

const hasVectors = (model) => Object.values((model.proposal ?? model.declaration).features ?? {}).some((kind) => typeof kind === "object" && "vector" in kind);

/** What is measured of whole rows, where a declaration asks for it: its records have no feature, so a row of the map is named for it. */
const WHOLE_ROWS = ["domain_classifier_auc", "joint_mmd", "reconstruction_error", "correlation_matrix_distance", "correlation_max_z"];
const wholeRows = (model) => {
  const { metrics, checks } = model.proposal ?? model.declaration;
  return WHOLE_ROWS.filter((metric) => metrics === "all" || metrics?.includes(metric) || metric in (checks?.drift?.tolerance ?? {}));
};
const named = (found, metric) => ({ ...found, rows: found.rows.map((row) => ({ ...row, whole: true, name: `whole rows: ${metricName(metric)}` })) });

/** Inputs of all sorts in one list, each by the metric of its sort: the worst first, unless they are by name. */
function together(features, vectors) {
  const badness = (row) => [Math.min(...row.cells.map((cell) => (cell ? rankOf(cell.status) : Infinity))), -Math.max(...row.cells.map((cell) => cell?.score ?? 0))];
  const byBadness = (a, b) => { const [one, other] = [badness(a), badness(b)]; return one[0] - other[0] || one[1] - other[1]; };
  const rows = [...features.rows, ...vectors.rows].sort(read("order") === "name" ? (a, b) => a.name.localeCompare(b.name, "en") : byBadness);
  return { rows, of: features.of + vectors.of, folded: features.folded + vectors.folded };
}

/** What is selected: as the URL says, else the worst cell there is, the latest of equals. */
function selection(data) {
  const { rows } = data.features;
  const row = rows.find((one) => one.name === read("feature")) ?? rows[0];
  let column = read("window") ? columnOf(data.columns, read("window")) : -1;
  if (column < 0 && row) column = worstOf(row.cells);
  if (column < 0) column = data.columns.length - 1;
  return { name: row?.name ?? read("feature"), column, row };
}

const columnOf = (columns, time) => {
  const at = Date.parse(time);
  return columns.findIndex((column) => Date.parse(column.start) <= at && at < Date.parse(column.end));
};

const AS_BAD = 0.9;

/** The latest of those in the worst status whose value is about the largest: so a page that is live does not jump about. */
function worstOf(cells) {
  const rank = Math.min(...cells.map((cell) => (cell ? rankOf(cell.status) : Infinity)));
  const size = (cell) => (cell && rankOf(cell.status) === rank ? Math.abs(cell.value ?? 0) : -1);
  const most = Math.max(...cells.map(size));
  return cells.findLastIndex((cell) => most >= 0 && size(cell) >= most * AS_BAD);
}

function draw(data) {
  const focus = document.activeElement?.classList.contains("heat");
  const choose = (changes) => { go(changes); update(data); };
  const chosen = selection(data);
  document.title = `${NAME} · Outrider`;
  const places = shown?.places ?? { map: h("section", { id: "drift" }), bins: h("section", { id: "bins" }), score: h("section", { id: "score" }), performance: h("section", { id: "performance" }), strips: h("section", { id: "strips" }) };
  shown = { data, places, choose, folds: h("div", { id: "folds" }) };
  put(page(),
    h("div", { class: "crumb" }, h("a", { href: href("/") }, "Models"), ` / ${NAME}`, data.kinds.version ? ` · version ${data.kinds.version}` : "", ` · owner ${data.model.owner ?? "nobody"}`, data.model.task ? ` · ${data.model.task}` : "", data.kinds.rule ? ` · windows ${ruleName(data.kinds.rule)}` : ""),
    verdict(data),
    controls(data, refresh),
    data.columns.length ? [places.strips, h("div", { class: "grid2" }, places.map, places.bins), h("div", { class: "grid2" }, places.score, places.performance), shown.folds] : null);
  if (data.columns.length) {
    paint(data, chosen);
    put(shown.folds, folds(data, chosen, choose));
  }
  if (focus) places.map.querySelector(".heat")?.focus({ preventScroll: true });
}

/** The parts that follow the selection. */
function paint(data, chosen, { keepMap = false } = {}) {
  const { places, choose } = shown;
  const pick = (column) => choose({ window: data.columns[column].start });
  strips(places.strips, data, chosen, pick);
  if (!keepMap) driftMap(places.map, data, chosen, choose, refresh);
  distribution(places.bins, data, chosen);
  overTime(places.score, data, chosen, pick);
  performance(places.performance, data, chosen, pick);
}

/** After a change of the selection: the heat map keeps its focus, the rest is drawn anew. */
function update(data) {
  const chosen = selection(data);
  paint(data, chosen, { keepMap: document.activeElement?.classList.contains("heat") });
  put(shown.folds, folds(data, chosen, shown.choose));
}

async function refresh({ quiet = false } = {}) {
  const live = document.getElementById("live");
  try {
    const data = await fetched();
    const mark = JSON.stringify([location.search, data.columns.length, data.columns.at(-1), data.columns.map((c) => [c.revision, c.labelled, c.seen]), data.alerts, data.model.status]);
    live.textContent = read("to") ? "" : "live";
    if (quiet && mark === drawn) return;
    drawn = mark;
    draw(data);
  } catch (error) {
    live.textContent = quiet ? error.title ?? "" : "";
    if (!quiet) put(page(), h("div", { class: "crumb" }, h("a", { href: href("/") }, "Models"), ` / ${NAME}`), problem(error));
    if (!(error.status >= 0)) console.error(error);
  }
}

keepTheme();
refresh();
onBack(() => refresh());
onRoom(() => refresh());
/** Someone is reading a table or choosing: nothing is drawn anew under their hands. */
const isBusy = () => document.activeElement?.matches("input, select, textarea") || page().querySelector("section details[open], #range[open]");
everySeconds(5, () => (read("to") || isBusy() ? null : refresh({ quiet: true })));
