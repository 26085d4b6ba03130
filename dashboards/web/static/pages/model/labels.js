// How many labels have come, how long they took, and whether what is young is corrected for those still to come.

import { get, pathOf } from "../../api.js";
import { bars } from "../../charts/bars.js";
import { empty, h, section, table } from "../../dom.js";
import { count, duration, moment, percent, span } from "../../format.js";

const WINDOWS_SHOWN = 60;
const OUTCOMES = [["negative", "negative"], ["positive", "positive"], ["other", "labels"]];

const time = (seconds) => (seconds === null ? "years" : seconds <= 1 ? "1 s" : duration(seconds * 1000));
const between = (cell) => (cell ? (cell.up_to === null ? `more than ${time(cell.above)}` : cell.above === 0 ? `at most ${time(cell.up_to)}` : `${time(cell.above)} to ${time(cell.up_to)}`) : "none yet");

export async function labels(data) {
  const { label } = data.model.declaration;
  if (!label) return empty("No label is declared for this model (", h("code", {}, "label: {name: …}"), "): what it is worth can only be estimated.");
  const { from, to, version, rule } = data.scope;
  const found = await get(pathOf(data.name, "/label-delays"), { from, to, version, rule });
  const windows = found.items.slice(0, WINDOWS_SHOWN).reverse();
  const came = found.items.reduce((sum, item) => sum + item.labelled, 0);
  return [facts(found, came), h("div", { class: "grid2 even" }, coverage(windows), delays(found, came)),
    h("details", {}, h("summary", { class: "small" }, "Table"), table([["window, UTC", (w) => moment(w.window.start), "when"], ["rows", (w) => count(w.n_window), "num"], ["labels", (w) => count(w.labelled), "num"], ["share", (w) => (w.n_window ? percent(w.labelled / w.n_window) : ""), "num"], ["expected in all", (w) => (w.expected === null ? "" : count(w.expected)), "num"], ["half came within", (w) => between(w.median)], ["90 % within", (w) => between(w.p90)]], found.items.slice(0, WINDOWS_SHOWN), { label: "Labels by window" }))];
}

function facts(found, came) {
  const after = found.labels_complete_after_seconds;
  const state = found.corrected_windows ? `${count(found.corrected_windows)} windows are corrected` : after === null ? "not corrected" : "nothing to correct";
  const why = found.corrected_windows ? "Labels of these outcomes are still to come; each that is there counts for those that are not." : after === null ? "Where the delay hangs on the outcome, young windows are biased: declare estimation: {labels_complete_after: 30d}." : `Labels are complete after ${time(after)}; a window is corrected once 50 labels of an outcome were complete.`;
  const within = (cell) => (!cell && found.undated ? "not known" : between(cell));
  const pairs = [["Rows with a label", found.rows ? `${count(came)} of ${count(found.rows)}, ${percent(came / found.rows)}` : "no rows", `of ${count(found.windows)} windows`], ["Half came within", within(found.median), [found.labelled ? `of ${count(found.labelled)} labels` : "", found.undated ? `${count(found.undated)} left out: ${found.undated_reason}` : ""].filter(Boolean).join("; ")], ["90 % came within", within(found.p90), ""], ["Labels to come", state, why]];
  return h("dl", { class: "facts" }, pairs.map(([name, said, more]) => h("div", {}, h("dt", {}, name), h("dd", {}, said, more ? h("div", { class: "small" }, more) : null))));
}

function coverage(windows) {
  if (!windows.length) return section("Labels by window", null, empty("No window lies in this range."));
  const list = windows.map((w) => ({
    name: span(w.window.start, w.window.end), short: moment(w.window.start).split(" ").at(-1), cls: "cover", share: w.n_window ? w.labelled / w.n_window : 0, outline: w.expected !== null && w.n_window ? Math.min(1, w.expected / w.n_window) : 0,
    told: `${count(w.labelled)} of ${count(w.n_window)} rows have labels${w.expected === null ? "" : `, about ${count(w.expected)} will`}`,
  }));
  return section("Labels by window", `Share of the rows whose label has come${windows.some((w) => w.expected !== null) ? "; outlined: expected once all are in" : ""}`, bars(list, { label: `Share of rows with labels in ${windows.length} windows, the newest ${percent(list.at(-1).share)}`, show: percent }));
}

function delays(found, came) {
  const total = found.negative.map((n, i) => n + found.positive[i] + found.other[i]);
  const first = total.findIndex(Boolean);
  if (first < 0) return section("How long labels took", null, empty(found.undated ? `${count(found.undated)} labels tell no delay: ${found.undated_reason}.` : came ? "These labels came from a file with the predictions (backfill), which tells no delay." : "No label has come yet. Send them with ", came ? "" : h("code", {}, "outrider labels MODEL FILE"), came ? "" : " or POST …/labels; they are matched by prediction id, however late."));
  const last = total.findLastIndex(Boolean);
  const all = total.reduce((sum, n) => sum + n, 0);
  const seconds = found.seconds;
  const list = total.slice(Math.max(0, first - 1), last + 2).map((n, k) => {
    const i = Math.max(0, first - 1) + k;
    return { name: i === 0 ? "at most 1 s" : `${time(seconds[i])} to ${time(seconds[i + 1] ?? null)}`, short: time(seconds[i + 1] ?? null), share: n / all, told: OUTCOMES.map(([key, word]) => (found[key][i] ? `${count(found[key][i])} ${word}` : null)).filter(Boolean).join(", ") || "none" };
  });
  return section("How long labels took", "Share of labels by the time from prediction to label; each bar reaches √2 times as far as the one before", bars(list, { label: `Delays of ${count(all)} labels: half within ${between(found.median)}, 90 % within ${between(found.p90)}`, show: percent }));
}
