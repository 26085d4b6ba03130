// What the alert rests on, as the monitor kept it when the alert spoke: both distributions of a line, and the bins that changed most.

import { overlay, rowsOf } from "../../charts/overlay.js";
import { h, s, table } from "../../dom.js";
import { count, percent, span } from "../../format.js";
import { modelHref } from "../../place.js";
import { isPair, metricName } from "../../words.js";
import { togetherNote } from "../model/feature.js";

const key = (cls, text) => h("span", { class: "key" }, s("svg", { viewBox: "0 0 11 11", "aria-hidden": "true" }, s("rect", { width: 11, height: 11, rx: 2, class: cls })), text);

/** The comparisons of the line that is looked at (two for a pair), or the first that were kept; none where nothing was. */
export function keptOf(alert, at, line) {
  const exhibit = at.exhibit ?? alert.exhibit;
  if (!exhibit?.comparisons.length) return [];
  const names = line ? [line.feature, ...line.feature.split("~")] : [];
  const own = exhibit.comparisons.filter((one) => names.includes(one.feature) && (one.slice ?? null) === (line?.slice ?? null));
  return (own.length ? own : exhibit.comparisons.slice(0, 1)).map((one) => ({ exhibit, ...one }));
}

export const exhibitOf = (alert, kept, line) => h("section", { id: "exhibit" },
  isPair(line) ? [h("h2", {}, line.feature), togetherNote(line.detail)] : null,
  kept.map((one) => h("div", { class: kept.length > 1 ? "one-of-two" : null }, comparison(alert, one))));

function comparison(alert, one) {
  const { exhibit } = one;
  const address = (bar) => modelHref(alert.model, { from: exhibit.window.start, to: exhibit.window.end, version: alert.version, feature: one.feature, ...bar, slice: alert.kind === "fairness" ? null : one.slice }, "/rows");
  const windows = one.windows > 1 ? `${one.windows} windows up to ${span(exhibit.window.start, exhibit.window.end)}` : span(exhibit.window.start, exhibit.window.end);
  const isFeature = alert.kind !== "attribution" && !["present", "true positive", "right", "selected", "positives found", "anomalous"].includes(one.categories?.[0]);
  return [
    h("h2", {}, `${one.feature === one.metric ? metricName(one.metric) : one.feature}${one.slice ? ` of ${one.slice}` : ""}, ${windows}`),
    h("p", { class: "cap" }, key("win", `window, n ${count(one.n_window)}`), key("base", `baseline, n ${count(one.n_baseline)}`), one.n_missing ? `${count(one.n_missing)} missing · ` : "", "as it was when the alert spoke · baseline ", h("code", {}, exhibit.baseline.slice(0, 12))),
    overlay(one, { label: `${one.feature}: share of each bin, window against baseline`, onPick: isFeature ? (bar) => { location.href = address(bar); } : undefined }),
    alert.kind === "attribution" ? h("p", { class: "small" }, "Bars are each feature's part of all attribution (mean absolute values); n are the explained predictions.") : null,
    table([
      [alert.kind === "attribution" ? "feature" : one.kind === "categorical" ? "category" : "bin", (bin) => (isFeature && one.kind === "categorical" && rowsOf(one, bin) ? h("a", { href: address(rowsOf(one, bin)) }, bin.name) : bin.name), "wrap"], ["window", (bin) => percent(bin.window), "num"], ["baseline", (bin) => percent(bin.baseline), "num"], ["part of the difference", (bin) => percent(bin.part), "num"],
    ], one.top, { label: `Bins of ${one.feature} that changed most` }),
  ];
}
