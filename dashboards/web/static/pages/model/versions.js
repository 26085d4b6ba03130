// Versions side by side: every metric of the champion (or of the version chosen) beside the others', in the windows that both have.

import { get, pathOf } from "../../api.js";
import { empty, h, load, put, section, table } from "../../dom.js";
import { count, limit, number, percent, signed, span } from "../../format.js";
import { go, read } from "../../place.js";
import { badge, metricName, rankOf } from "../../words.js";

const MODES = { ab: "A/B test", canary: "canary", shadow: "shadow" };
const FINDINGS_SHOWN = 40;
const SERVICE = { error_ratio: "share refused", latency: "latency, ratio less 1" };

/** The fold's body; another control draws it anew. */
export async function versions(data) {
  const box = h("div", {});
  const draw = () => load(box, () => compared(data, draw));
  put(box, await compared(data, draw));
  return box;
}

async function compared(data, draw) {
  const { from, to, rule } = data.scope;
  const declared = data.model.declaration.versions;
  const known = data.model.versions.map((version) => version ?? "");
  if (known.length < 2) return empty("Only one version has been seen. Versions are compared once a server names two; ", h("code", {}, "versions:"), " in the declaration says which is the champion.");
  const control = known.includes(read("control")) ? read("control") : known.includes(declared?.champion) ? declared.champion : known[0];
  const found = await get(pathOf(data.name, "/versions"), { from, to, rule, control });
  const select = h("select", { "aria-label": "Control", onchange: (event) => { go({ control: event.target.value }, { replace: true }); draw(); } }, known.map((one) => h("option", { value: one, selected: one === control }, one || "(none)")));
  return [h("p", { class: "cap" }, found.mode ? `${MODES[found.mode]}: ` : "", "each version against ", select, declared?.champion === control ? ", the champion" : "", ", over the windows of this range that both have."), ratio(found.sample_ratio), found.items.map((item) => side(item, control))];
}

function ratio(told) {
  if (!told) return null;
  const state = told.mismatch === null ? badge("no_data", "cannot be told") : told.mismatch ? badge("critical", "not as declared") : badge("ok", "as declared");
  const shares = told.shares.map((one) => `${one.version} ${count(one.requests)} of ${count(one.expected)} expected`).join(", ");
  return h("p", {}, h("b", {}, "Split of traffic "), state, ` ${shares}`, told.p === null ? `: ${told.reason}.` : ` (p = ${number(told.p, 2)}).`, told.mismatch ? " What was assigned wrongly compares other people: look there first." : "");
}

function side(item, control) {
  const name = item.version ?? "(none)";
  if (!item.windows) return section(`Version ${name}`, null, empty(item.reason));
  const worse = new Set(item.different.flatMap((one) => one.features.map((line) => line.metric)));
  const rows = [...ofPerformance(item.performance, worse), ...ofService(item.service, worse), ...ofPairs(item.paired), ...ofFindings(item.findings, item.performance)];
  const told = item.different.length ? `Different: ${item.different.map((one) => one.kind.replaceAll("_", " ")).join(", ")}.` : "Nothing differs beyond chance and tolerance.";
  return h("section", {}, h("h2", {}, `Version ${name} against ${control || "(none)"} `, badge(item.status)), h("p", { class: "cap" }, `${told} ${count(item.rows)} rows and ${count(item.control_rows)} of the control in ${count(item.windows)} windows, ${span(item.start, item.end)}; one answer in 1,000 differs by chance.`),
    table([["metric", (r) => r.name, "wrap"], ["control", (r) => r.control, "num"], ["version", (r) => r.version, "num"], ["difference", (r) => r.difference, "num"], ["95 % interval", (r) => r.interval, "when"], ["limit", (r) => r.limit, "num"], ["n", (r) => r.n, "num"], ["state", (r) => r.state]], rows, { label: `Version ${name} against ${control}` }));
}

const certain = (low, high, told) => (told ? badge("critical", "beyond tolerance") : low > 0 || high < 0 ? badge("warning", "differs") : badge("ok", "alike"));
const interval = (low, high) => (low === null || low === undefined ? "" : `${signed(low)} to ${signed(high)}`);

function ofPerformance(performance, worse) {
  return performance.map((one) => ({ name: metricName(one.metric), control: number(one.control), version: number(one.version), difference: signed(one.difference), interval: interval(one.low, one.high), limit: "", n: count(one.n), state: certain(one.low, one.high, worse.has(one.metric)) }));
}

function ofService(service, worse) {
  if (!service) return [];
  const values = { error_ratio: (one) => (one.error_ratio === null ? "" : percent(one.error_ratio)), latency: (one) => (one.latency_seconds.p50 === null ? "not timed" : `${number(one.latency_seconds.p50 * 1000)} / ${number(one.latency_seconds.p95 * 1000)} / ${number(one.latency_seconds.p99 * 1000)} ms`) };
  return service.differences.map((one) => ({ name: one.metric === "latency" ? "latency: 50 / 95 / 99 %" : SERVICE[one.metric], control: values[one.metric](service.control), version: values[one.metric](service.version), difference: one.metric === "latency" ? `${signed(100 * one.value, 1)} %` : signed(one.value), interval: one.metric === "latency" ? `${signed(100 * one.low, 1)} to ${signed(100 * one.high, 1)} %` : interval(one.low, one.high), limit: "", n: count(one.n), state: certain(one.low, one.high, worse.has(one.metric)) }));
}

function ofPairs(paired) {
  if (!paired) return [];
  return paired.differences.map((one) => ({ name: `${metricName(one.metric)}, of the same requests`, control: "", version: "", difference: signed(one.value), interval: interval(one.low, one.high), limit: "", n: count(one.n), state: one.metric === "class_disagreement" ? "" : certain(one.low, one.high) }));
}

function ofFindings(findings, performance) {
  const above = new Set([...performance.map((one) => one.metric), "error_ratio", "latency_p50_seconds", "latency_p95_seconds", "latency_p99_seconds"]);
  const shown = findings.filter((one) => one.value !== null && !(above.has(one.metric) && !one.feature && !one.slice)).sort((a, b) => rankOf(a.status) - rankOf(b.status) || (b.score ?? 0) - (a.score ?? 0)).slice(0, FINDINGS_SHOWN);
  return shown.map((one) => ({ name: [metricName(one.metric), [one.feature, one.slice].filter(Boolean).join(", ")].filter(Boolean).join(" of "), control: "", version: number(one.value), difference: "", interval: one.low === null ? "" : `${number(one.low)} to ${number(one.high)}`, limit: limit(one.threshold), n: count(one.n_window), state: badge(one.status) }));
}
