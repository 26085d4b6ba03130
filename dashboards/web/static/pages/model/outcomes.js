// What labels say of the chosen window: confusion, calibration, gains, classes, and every metric of the task.

import { square } from "../../charts/square.js";
import { empty, h, section, table, tableBox } from "../../dom.js";
import { count, limit, number, percent } from "../../format.js";
import { listing } from "../../listing.js";
import { badge, metricTitle, wordOf } from "../../words.js";
import { askWindow, withoutTiles } from "./asking.js";

const CLASSES_SHOWN = 15;

export async function outcomes(data, window) {
  const found = await askWindow(data, "outcomes", window);
  if (!found) return withoutTiles(data);
  if (found.reason && found.estimated) return [h("p", { class: "cap" }, `From labels nothing can be said: ${found.reason}.`), confusion(found)];
  if (found.reason) return empty(`Nothing can be said: ${found.reason}.`, data.model.declaration.label ? " Labels are matched by prediction id, however late; estimates without labels are in the chart of performance." : "");
  const expected = found.expected === null ? "" : `, of about ${count(found.expected)} that will come: the metrics are corrected, the tables are not`;
  return [h("p", { class: "cap" }, `${count(found.labelled)} of ${count(found.rows)} rows have labels${expected}${found.unusable ? `; ${count(found.unusable)} more have no usable prediction` : ""}.`),
    h("div", { class: "grid2 even columns" }, h("div", {}, confusion(found), metrics(found)), h("div", {}, classes(found), reliability(found), gains(found)))];
}

function metrics(found) {
  const list = Object.entries(found.metrics);
  if (!list.length) return null;
  // What has no limit can be within none.
  const isJudged = (one) => one.value === null || (one.judged && (one.threshold !== null || !["ok", "insufficient_data"].includes(one.status)));
  const cell = ([, one]) => (one.value === null ? h("span", { class: "small" }, one.reason ?? wordOf(one.status)) : number(one.value, 4));
  return section("Measured from labels", "All that the task has; judged are those that are declared or standard",
    table([["metric", ([name]) => metricTitle(name), "wrap"], ["value", cell, "num"], ["95 % interval", ([, one]) => (one.low === null ? "" : `${number(one.low)} to ${number(one.high)}`)], ["limit", ([, one]) => (one.judged && one.threshold !== null ? limit(one.threshold) : ""), "num"], ["state", ([, one]) => (isJudged(one) ? badge(one.status) : h("span", { class: "small" }, "not judged"))]], list, { label: "Metrics from labels" }));
}

/** What labels said; without them, what they will most likely say. */
function confusion(found) {
  const told = found.confusion ?? found.estimated;
  if (!told) return null;
  const { classes: names, counts, low, high } = told;
  const all = counts.flat().reduce((sum, n) => sum + n, 0) || 1;
  const most = Math.max(...counts.flat(), 1);
  const shade = (n) => `shade${Math.ceil((4 * n) / most)}`;
  const whole = (n) => count(Math.round(n));
  const ends = (i, k) => (low ? `${whole(low[i][k])} to ${whole(high[i][k])}` : null);
  return section(low ? "Expected confusion" : "Confusion", low ? "Estimated without labels. Rows: what will be true. Columns: what the model said. 95 % intervals." : "Rows: what was true. Columns: what the model said. Shares are of the row.",
    tableBox(h("table", { class: "confusion", "aria-label": low ? "Expected confusion of labels and predictions" : "Confusion of labels and predictions" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "true \\ said"), names.map((name) => h("th", { scope: "col", class: "num" }, name)), h("th", { scope: "col", class: "num" }, "all"))),
      h("tbody", {}, counts.map((row, i) => {
        const sum = row.reduce((a, b) => a + b, 0);
        return h("tr", {}, h("th", { scope: "row" }, names[i]), row.map((n, k) => h("td", { class: `num ${shade(n)}${i === k ? " same" : ""}` }, whole(n), h("div", { class: "small" }, ends(i, k) ?? (sum ? percent(n / sum) : ""))) ), h("td", { class: "num" }, whole(sum), h("div", { class: "small" }, percent(sum / all))));
      })))));
}

function reliability(found) {
  if (!found.reliability?.length) return found.reliability ? section("Calibration", null, empty("No labelled row has a score on [0, 1].")) : null;
  const shaped = (bin, whose) => ({ x: bin.score, y: bin.share, low: bin.low, high: bin.high, said: `${whose}: scores of ${number(bin.score)} on average, positive ${percent(bin.share)} (${percent(bin.low)} to ${percent(bin.high)}), n ${count(bin.n)}` });
  const off = [...found.reliability].sort((a, b) => Math.abs(b.share - b.score) - Math.abs(a.share - a.score))[0];
  return section("Calibration", "Is 0.7 seven in ten? Ten bins of about equally many rows, 95 % intervals; grey: the baseline; dashed: calibrated",
    square(found.reliability.map((bin) => shaped(bin, "window")), { label: `Calibration: furthest off where scores are ${number(off.score)}, positive ${percent(off.share)}`, xLabel: "mean score", yLabel: "share of positives", diagonal: "calibrated", behind: (found.baseline_reliability ?? []).map((bin) => shaped(bin, "baseline")) }),
    h("details", {}, h("summary", { class: "small" }, "Table"), table([["mean score", (b) => number(b.score), "num"], ["positive", (b) => percent(b.share), "num"], ["95 % interval", (b) => `${percent(b.low)} to ${percent(b.high)}`], ["off by", (b) => number(b.share - b.score, 2), "num"], ["positives", (b) => count(b.positives), "num"], ["n", (b) => count(b.n), "num"]], found.reliability, { label: "Calibration, bin by bin" })));
}

function gains(found) {
  if (!found.gains?.length) return found.gains ? section("Gains and lift", null, empty("Without a positive label there is nothing to gain.")) : null;
  const points = found.gains.map((one) => ({ x: one.of, y: one.gain, low: one.low, high: one.high, said: `highest ${percent(one.of)}: ${percent(one.gain)} of the positives (${percent(one.low)} to ${percent(one.high)}), lift ${number(one.lift)}` }));
  return section("Gains and lift", `The highest tenth of scores holds ${percent(found.gains[0].gain)} of the positives: lift ${number(found.gains[0].lift)}. Dashed: taken at random`,
    square([{ x: 0, y: 0, said: "no rows" }, ...points], { label: `Gains: the highest tenth holds ${percent(found.gains[0].gain)} of the positives`, xLabel: "rows, highest scores first", yLabel: "of all positives", diagonal: "rows taken at random" }),
    h("details", {}, h("summary", { class: "small" }, "Table"), table([["highest", (g) => percent(g.of), "num"], ["rows", (g) => count(g.rows), "num"], ["positives", (g) => count(g.positives), "num"], ["gain", (g) => percent(g.gain), "num"], ["95 % interval", (g) => `${percent(g.low)} to ${percent(g.high)}`], ["lift", (g) => number(g.lift), "num"]], found.gains, { label: "Gains, tenth by tenth" })));
}

function classes(found) {
  if (!found.classes?.length) return null;
  const share = (key) => ({ cell: (one) => (one[key].value === null ? h("span", { class: "small" }, "of none") : [percent(one[key].value), h("div", { class: "small" }, `${percent(one[key].low)} to ${percent(one[key].high)}`)]), by: (one) => one[key].value, cls: "num" });
  const columns = [
    { head: "class", cell: (one) => one.class, by: (one) => one.class, cls: "wrap" }, { head: "true", cell: (one) => count(one.n), by: (one) => one.n, cls: "num" }, { head: "said", cell: (one) => count(one.predicted), by: (one) => one.predicted, cls: "num" },
    { head: "precision", ...share("precision") }, { head: "recall", ...share("recall") }, { head: "F1", cell: (one) => number(one.f1), by: (one) => one.f1, cls: "num" },
  ];
  return section("Class by class", "The most frequent first, 95 % intervals", listing(columns, found.classes, { label: "Classes", text: (one) => one.class, shown: CLASSES_SHOWN }));
}
