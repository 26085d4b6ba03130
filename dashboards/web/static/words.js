// States and kinds in words and shapes: a shape, a word and a colour each, never colour alone.

import { h, s } from "./dom.js";

const LOOK = { ok: "ok", warning: "warn", critical: "crit", error: "crit", firing: "crit", resolved: "ok", closed: "ok", pending: "warn" };
const WORD = { insufficient_data: "insufficient", no_data: "no data" };
const RANK = ["critical", "error", "warning", "ok", "insufficient_data", "undefined", "no_data"];

export const lookOf = (status) => LOOK[status] ?? "wait";
export const wordOf = (status) => WORD[status] ?? status ?? "no data";
export const rankOf = (status) => { const rank = RANK.indexOf(status); return rank < 0 ? RANK.length : rank; };

function shape(look) {
  const drawn = {
    crit: () => s("rect", { width: 12, height: 12, class: "f-crit" }),
    warn: () => s("path", { d: "M6 0 12.5 12h-13z", class: "f-warn" }),
    ok: () => s("circle", { cx: 6, cy: 6, r: 5.5, class: "f-ok" }),
    wait: () => s("circle", { cx: 6, cy: 6, r: 5, class: "f-wait", "stroke-dasharray": "2.2 1.6" }),
  };
  return s("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, drawn[look]());
}

export const badge = (status, word = wordOf(status)) => h("span", { class: `state t-${lookOf(status)}` }, shape(lookOf(status)), word);

/** Kinds in the order in which they are shown: causes before symptoms. */
export const KINDS = {
  drift: { name: "Input drift", said: "inputs drifted" },
  prediction_drift: { name: "Prediction drift", said: "predictions drifted" },
  label_drift: { name: "Label drift", said: "labels drifted" },
  performance: { name: "Performance", said: "performance dropped" },
  fairness: { name: "Fairness", said: "groups are treated differently" },
  quality: { name: "Data quality", said: "data quality fell" },
  anomaly: { name: "Anomalies", said: "anomalous rows surge" },
  attribution: { name: "Attributions", said: "attributions shifted" },
  capture: { name: "Capture", said: "predictions are not seen" },
};
/** Why nobody is told of an open alert. */
export const HELD = { silence: "silenced", cause: "explained by another alert", deployment: "just deployed", traffic: "hardly any traffic" };

export const kindName = (kind) => KINDS[kind]?.name ?? kind;

const METRICS = {
  js_distance: "JS distance", ks_statistic: "KS statistic", psi: "PSI", wasserstein_normalized: "Wasserstein distance", chi2_statistic: "χ² statistic",
  correlation_distance: "correlation distance", mmd: "MMD", projection_ks: "KS statistic by direction", missing_ratio: "missing share", unseen_ratio: "unseen share", accuracy: "accuracy", f1: "F1",
  roc_auc: "ROC AUC", log_loss: "log loss", rmse: "RMSE", mae: "MAE", parity_difference: "parity difference", impact_ratio: "impact ratio",
  mcc: "MCC", score_ks: "score KS", r2: "R²", ndcg: "NDCG", mean_average_precision: "mean average precision", f1_micro: "F1, micro", f1_samples: "F1, by row", class_f1: "F1 of class", gini: "Gini", lift_at_10_percent: "lift at 10 %",
  equal_opportunity_difference: "equal opportunity difference", anomaly_ratio: "anomaly share", attribution_rank_correlation: "attribution rank correlation",
};
/** What comes before another metric's name. */
const PREFIX = /^(estimated|reweighted|class|estimated_class)_(.+)$/;
export function metricName(metric) {
  const named = METRICS[metric];
  if (named) return named;
  const [, before, rest] = PREFIX.exec(metric ?? "") ?? [];
  return METRICS[rest] ? `${before.replace("_", " ")} ${METRICS[rest]}` : (metric ?? "").replaceAll("_", " ");
}
export const metricTitle = (metric) => metricName(metric).replace(/^./, (first) => first.toUpperCase());

/** Metrics that tell of two features at once: `feature` is `a~b`. */
const OF_PAIRS = ["correlation_distance", "association_distance"];
export const isPair = (line) => OF_PAIRS.includes(line?.metric);

/** A window rule as it is read: `1000rows` are 1,000 rows each. */
export const ruleName = (rule) => (rule ?? "").replace(/^(\d+)rows$/, (_, n) => `of ${Number(n).toLocaleString("en-US")} rows`);

/** How many windows a column of the grid stands for, where it is more than one. */
export const several = (column) => (column.windows > 1 ? `worst of ${column.windows} windows` : "");

/** Sentence case for texts that begin with a kind's words. */
export const capital = (text) => text.replace(/^./, (first) => first.toUpperCase());
