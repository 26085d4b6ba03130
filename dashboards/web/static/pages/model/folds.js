// What is behind a fold: what labels say, fairness, quality, anomalies, one prediction, capture, the numbers. Drawn when opened; what is open is in the URL.

import { all, get, pathOf } from "../../api.js";
import { capture, PARTS } from "../../charts/capture.js";
import { waterfall } from "../../charts/waterfall.js";
import { empty, folded, h, s, section, table } from "../../dom.js";
import { after, count, day, duration, limit, moment, number, precise, span, value } from "../../format.js";
import { listing } from "../../listing.js";
import { go, modelHref, read } from "../../place.js";
import { badge, metricName, rankOf } from "../../words.js";
import { changes } from "./changes.js";
import { efficiency } from "./efficiency.js";
import { evidently } from "./evidently.js";
import { fairness } from "./fairness.js";
import { windowOf } from "./feature.js";
import { labels } from "./labels.js";
import { outcomes } from "./outcomes.js";
import { pipeline } from "./pipeline.js";
import { quality } from "./quality.js";
import { schema } from "./schema.js";
import { trying } from "./trying.js";
import { versions } from "./versions.js";

const ANOMALIES_SHOWN = 12;
const EXPLAINED_SHOWN = 12;
const FINDINGS_SHOWN = 30;

const opened = () => (read("open") ?? "").split(",").filter(Boolean);
const remember = (name) => (open) => {
  const rest = opened().filter((one) => one !== name);
  go({ open: (open ? [...rest, name] : rest).join(",") }, { replace: true });
};

export function folds(data, chosen, choose) {
  const window = windowOf(data, chosen);
  const state = (kind) => data.kinds.rows.find((row) => row.name === kind)?.cells[chosen.column];
  const title = (text, kind) => [text, " ", state(kind) ? badge(state(kind).status) : h("span", { class: "small" }, "no data"), h("span", { class: "small" }, ` ${span(window.start, window.end)}`)];
  const open = opened();
  const fold = (name, head, make) => folded(name, head, make, { open: open.includes(name), onToggle: remember(name) });
  return [
    fold("outcomes", title("What labels say", "performance"), () => outcomes(data, window)),
    fold("labels", ["Labels", h("span", { class: "small" }, " how many have come, and how late")], () => labels(data)),
    fold("fairness", title("Fairness by group", "fairness"), () => fairness(data, window)),
    fold("quality", title("Data quality by column", "quality"), () => quality(data, window)),
    fold("schema", ["Schema", h("span", { class: "small" }, " what columns have to keep to")], () => schema(data, window)),
    fold("anomalies", title("Anomalous inputs", "anomaly"), () => anomalies(data, window, choose)),
    fold("explanations", ["Why a prediction is what it is", h("span", { class: "small" }, ` ${span(window.start, window.end)}`)], () => explanations(data, window, choose)),
    fold("versions", ["Versions", h("span", { class: "small" }, " side by side, in the same windows")], () => versions(data)),
    fold("pipeline", ["Pipeline", h("span", { class: "small" }, " the models that feed this one: who changed first, what passed")], () => pipeline(data)),
    fold("changes", ["Change points", h("span", { class: "small" }, " since when scores and errors are what they are")], () => changes(data)),
    fold("evidently", ["Evidently", h("span", { class: "small" }, " its figures of each window beside ours, and its report")], () => evidently(data, window, chosen.row?.whole ? null : chosen.name)),
    fold("capture", ["Capture", h("span", { class: "small" }, " seen = captured + sampled out + undecodable + dropped")], () => captured(data)),
    fold("efficiency", ["Energy and cost", h("span", { class: "small" }, " of a prediction, where they are known")], () => efficiency(data)),
    fold("forecast", ["What will cross its threshold", h("span", { class: "small" }, " if it goes on as in the last windows")], () => forecasts(data)),
    fold("trying", ["Try a declaration", h("span", { class: "small" }, " what it would have told of these windows, before it is saved")], () => trying(data)),
    fold("numbers", ["All findings of the window", h("span", { class: "small" }, ` ${span(window.start, window.end)}`)], () => numbers(data, window)),
  ];
}

async function anomalies(data, window, choose) {
  const found = await get(pathOf(data.name, "/anomalies"), { from: window.start, to: window.end, version: data.scope.version, limit: 500 });
  const told = data.kinds.rows.find((row) => row.name === "anomaly")?.cells.find((cell) => cell?.start === window.start);
  if (!found.items.length) return empty(told?.value === undefined && told?.reason ? `Nothing can be said: ${told.reason}.` : told ? "No row of this window is among the rarest that the baseline would have." : "Anomalies were not measured in this window: without a baseline, or with `checks: {anomaly: false}`, there are none to tell.");
  const items = [...found.items].sort((a, b) => a.p - b.p);
  const because = (item) => item.features.slice(0, 3).map((f) => `${f.feature} ${value(f.value)}`).join(", ");
  return [h("p", { class: "cap" }, `${count(items.length)}${found.next ? " or more" : ""} rows, the rarest first; p is how rare such a row is in the baseline. `, h("a", { href: modelHref(data.name, { from: window.start, to: window.end, version: data.scope.version }, "/rows") }, "all rows")),
    table([["time, UTC", (a) => `${day(a.time)} ${precise(a.time)}`, "when"], ["prediction", (a) => h("a", { href: modelHref(data.name, { from: a.time, to: after(a.time), version: data.scope.version, prediction: a.prediction_id }, "/rows") }, a.prediction_id), "wrap"], ["p", (a) => number(a.p, 2), "num"], ["because of", because, "wrap"], ["in the false discovery set", (a) => (a.discovery ? "yes" : "no")],
      ["", (a) => h("button", { type: "button", onclick: () => choose({ prediction: a.prediction_id, open: [...new Set([...opened(), "explanations"])].join(",") }) }, "why?")]], items.slice(0, ANOMALIES_SHOWN))];
}

async function explanations(data, window, choose) {
  const { version } = data.scope;
  const wanted = read("prediction");
  const found = await get(pathOf(data.name, "/explanations"), { from: window.start, to: window.end, version, limit: EXPLAINED_SHOWN });
  let item = wanted ? found.items.find((one) => one.prediction_id === wanted) : found.items[0];
  if (wanted && !item) [item] = (await get(pathOf(data.name, "/explanations"), { version, prediction_id: wanted, limit: 1 })).items;
  if (!item && !found.items.length) return empty(data.model.declaration.explain ? (wanted ? `${wanted} was not among the explained ones.` : "No prediction of this window was explained.") : "No model to explain with is declared (`explain: {onnx: …}`).");
  const list = table([["time, UTC", (e) => `${day(e.time)} ${precise(e.time)}`, "when"], ["prediction", (e) => h("a", { href: "#", onclick: (event) => { event.preventDefault(); choose({ prediction: e.prediction_id }); } }, e.prediction_id), "wrap"], ["is", (e) => number(e.prediction), "num"], ["most of it", (e) => e.features.slice(0, 2).map((f) => f.feature).join(", "), "wrap"]], found.items, { rowClass: (e) => (e === item ? "chosen" : null) });
  return h("div", { class: "grid2" }, section("Explained predictions of the window", null, list), item ? why(item) : section(`${wanted} was not explained`, null, empty("A sample of each window is explained; this prediction was not in it.")));
}

export const why = (item) => section(`Why ${item.prediction_id} is ${number(item.prediction)}`, `Shapley values, from ${number(item.base)} on average${item.method === "exact" ? ", exact" : "; standard error behind ±"}`, waterfall(item, { label: `Contributions to ${item.prediction_id}: ${item.features.slice(0, 3).map((f) => `${f.feature} ${number(f.phi)}`).join(", ")}` }));

async function captured(data) {
  const key = (cls, text) => h("span", { class: "key" }, s("svg", { viewBox: "0 0 11 11", "aria-hidden": "true" }, s("rect", { width: 11, height: 11, rx: 2, class: cls })), text);
  if (!data.columns.some((column) => column.seen) && !data.gaps.length) return empty("These rows did not come through a sidecar, so nothing is known of what was not seen.");
  return [h("p", { class: "cap" }, PARTS.map(([name, cls]) => key(`c-${cls}`, name.replace("_", " "))), key("s-gap", "known gap")), capture(data.columns, data.gaps, { label: "Exchanges seen by the sidecars over time" }), gapTable(data.gaps)];
}

export const gapTable = (gaps) => gaps.length ? h("details", {}, h("summary", { class: "small" }, `${count(gaps.length)} known gap${gaps.length > 1 ? "s" : ""}`), table([["from, UTC", (g) => `${day(g.start)} ${precise(g.start)}`, "when"], ["to", (g) => precise(g.end), "when"], ["why", (g) => g.reason], ["connections", (g) => count(g.connections), "num"], ["bytes", (g) => count(g.bytes), "num"], ["exchanges, about", (g) => count(g.exchanges_estimated), "num"], ["sidecar", (g) => g.sidecar, "wrap"]], gaps.slice(0, 200))) : h("p", { class: "small" }, "No known gap.");

async function numbers(data, window) {
  const found = await all(pathOf(data.name, "/measurements"), { from: window.start, to: after(window.start), version: data.scope.version, rule: data.scope.rule, slice: read("slice") }, 2_000);
  if (!found.length) return empty("This window has no findings.");
  found.sort((a, b) => rankOf(a.status) - rankOf(b.status) || (b.score ?? 0) - (a.score ?? 0));
  const of = (f) => [f.feature, f.slice].filter(Boolean).join(", ") || "whole model";
  const columns = [
    { head: "of", cell: of, by: of, cls: "wrap" }, { head: "metric", cell: (f) => metricName(f.metric), by: (f) => metricName(f.metric) }, { head: "value", cell: (f) => number(f.value), by: (f) => f.value, cls: "num" },
    { head: "95 % interval", cell: (f) => (f.low === null ? "" : `${number(f.low)} to ${number(f.high)}`) }, { head: "limit", cell: (f) => h("span", { title: f.threshold_origin ?? "" }, limit(f.threshold)), cls: "num" },
    { head: "times its limit", cell: (f) => (f.score === null ? "" : number(f.score)), by: (f) => f.score, cls: "num" }, { head: "n window", cell: (f) => count(f.n_window), by: (f) => f.n_window, cls: "num" }, { head: "n baseline", cell: (f) => count(f.n_baseline), by: (f) => f.n_baseline, cls: "num" },
    { head: "missing", cell: (f) => count(f.n_missing), by: (f) => f.n_missing, cls: "num" }, { head: "state", cell: (f) => badge(f.status), by: (f) => -rankOf(f.status) }, { head: "why", cell: (f) => f.reason ?? "", cls: "wrap small" },
  ];
  return [h("p", { class: "cap" }, `${count(found.length)} decision records, the worst first.`), listing(columns, found, { label: "All findings of the window", text: (f) => `${of(f)} ${metricName(f.metric)} ${f.status} ${f.reason ?? ""}`, shown: FINDINGS_SHOWN })];
}

async function forecasts(data) {
  const found = await all(pathOf(data.name, "/forecasts"), { to: data.scope.to, version: data.scope.version, rule: data.scope.rule, slice: read("slice") }, 5_000);
  const ahead = found.filter((one) => one.at !== null);
  if (!found.length) return empty("No metric with a threshold was measured in these windows.");
  const reasons = {};
  for (const one of found) if (one.reason) { const why = one.reason.replace(/^\d+ windows/, "too few windows"); reasons[why] = (reasons[why] ?? 0) + 1; }
  const rest = Object.entries(reasons).sort((a, b) => b[1] - a[1]).map(([why, n]) => `${count(n)}: ${why}`).join(" · ");
  return [ahead.length ? table([["of", (f) => [f.feature, f.slice].filter(Boolean).join(", ") || "whole model", "wrap"], ["metric", (f) => metricName(f.metric)], ["now", (f) => number(f.value), "num"], ["limit", (f) => limit(f.threshold), "num"], ["an hour", (f) => number(f.slope_per_hour), "num"], ["crosses in", (f) => duration(f.seconds * 1000), "num"], ["at, UTC", (f) => moment(f.at), "when"], ["95 % interval", (f) => `${moment(f.low)} to ${f.high ? moment(f.high) : "never"}`, "when"]], ahead.slice(0, 50), { label: "Forecasts" }) : empty("Nothing with a threshold moves steadily towards it."),
    rest ? h("p", { class: "small" }, `Nobody can say when of ${rest}.`) : null];
}
