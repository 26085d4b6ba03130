// The answer in a sentence with numbers, composed from the alerts' own records.

import { h } from "../../dom.js";
import { brief, clock, count, day, limit, moment, ms, number, span } from "../../format.js";
import { alertHref, modelHref } from "../../place.js";
import { badge, capital, kindName, KINDS, metricName, wordOf } from "../../words.js";

const joined = (list) => (list.length < 2 ? list.join("") : `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`);
const DRIFTED = { drift: "inputs", prediction_drift: "predictions", label_drift: "labels" };

/** `Inputs and predictions drifted, and performance dropped`. */
function headline(alerts) {
  const drifted = alerts.filter((alert) => DRIFTED[alert.kind]).map((alert) => DRIFTED[alert.kind]);
  const others = alerts.filter((alert) => !DRIFTED[alert.kind]).map(said);
  return capital([drifted.length ? `${joined(drifted)} drifted` : null, others.length ? joined(others) : null].filter(Boolean).join(", and "));
}

const said = (alert) => KINDS[alert.kind]?.said ?? alert.kind;
const link = (alert, text) => h("a", { href: alertHref(alert.fingerprint) }, text);

const earliest = (alerts) => alerts.map((a) => a.since).filter(Boolean).sort()[0];

/** Worst value while it was open, where that says more than the last one. */
const atWorst = (alert) => (alert.peak === null || alert.peak === undefined || brief(alert.peak) === brief(alert.value) ? "" : `, at worst ${brief(alert.peak)}`);

function openLine(alert) {
  return h("p", { class: "lead" }, link(alert, kindName(alert.kind)), ": ", h("b", {}, alert.summary), ` (limit ${limit(alert.threshold)}${atWorst(alert)}; since ${clock(alert.since)})`, alert.acknowledged_by ? `, acknowledged by ${alert.acknowledged_by}` : "", alert.held ? `; nobody is told: ${alert.held.text}` : "");
}

/** Alerts that were open in the range on show and are over. */
function overIn(data) {
  const { columns } = data;
  return data.alerts.filter((a) => ["resolved", "closed"].includes(a.state) && a.since && a.ended && ms(a.ended) >= ms(columns[0].start) && ms(a.since) <= ms(columns.at(-1).end));
}

function overLine(alerts) {
  if (!alerts.length) return null;
  const [first, last] = [earliest(alerts), alerts.map((a) => a.ended).sort().at(-1)];
  return h("p", { class: "lead" }, `Over now, ${span(first, last)}: `, alerts.map((alert, i) => [i ? "; " : "", link(alert, said(alert)), ` (${metricName(alert.features[0]?.metric)} ${brief(alert.peak ?? alert.value)} at worst, limit ${limit(alert.threshold)})`]), ".");
}

/** Why, as it was found when the alerts spoke: a fault of the data before all else. */
function why(open) {
  const found = open.filter((alert) => alert.cause);
  const first = found.find((alert) => alert.cause.verdict === "data_fault") ?? found[0];
  return first ? h("p", { class: "lead" }, link(first, "Why"), `: ${first.cause.summary}.`) : null;
}

/** What alarms may cost: how many false ones the looks could have raised at most, and how many alarms there were. */
function budget({ alarm_budget: found }) {
  if (!found) return null;
  const { false_alarms_per_month: allowed, spent_30d: spent, told_30d: told } = found;
  return h("p", { class: "small", id: "budget" }, `Alarm budget: ${number(allowed)} false alarm${allowed === 1 ? "" : "s"} a month. The looks of the last 30 days could have raised ${number(spent)} at most; ${count(told)} alarm${told === 1 ? " was" : "s were"} raised.`);
}

export function verdict(data) {
  const { columns, alerts } = data;
  const open = alerts.filter((a) => a.state === "firing" && (a.version ?? null) === (data.kinds.version ?? null));
  const { status, title, lead } = answer(data, open);
  const [first] = open;
  const window = columns.at(-1);
  return h("div", { class: "verdict" }, h("div", {}, h("h1", {}, badge(status, ""), title), lead, budget(data.model)),
    h("span", { class: "spring" }),
    h("div", { class: "actions" }, first ? h("a", { class: "pill main", href: alertHref(first.fingerprint) }, open.length > 1 ? "Open the first alert" : "Open the alert") : null,
      window ? h("a", { class: "pill", href: modelHref(data.name, { from: window.start, to: window.end, version: data.kinds.version }, "/rows") }, "Rows of the last window") : null));
}

function answer(data, open) {
  const { columns, model } = data;
  if (!columns.length) {
    const asked = data.scope.from || data.scope.to;
    return { status: "no_data", title: asked ? "No windows in this range" : "No data yet", lead: h("p", { class: "lead" }, asked ? "No window of this model begins in the range. That is not the same as no drift." : model.baseline ? "The baseline is there; windows appear when predictions have come and their time is over." : "No baseline was set, and no window has closed: ", asked || model.baseline ? "" : h("code", {}, `outrider baseline ${data.name} FILE`)) };
  }
  const over = overIn(data);
  if (open.length) {
    const order = Object.keys(KINDS);
    const ranked = [...open].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
    return { status: "critical", title: `${headline(ranked)}, since ${moment(earliest(open))} UTC`, lead: [ranked.slice(0, 4).map(openLine), why(ranked), overLine(over)] };
  }
  const last = columns.at(-1);
  const windows = columns.reduce((sum, c) => sum + c.windows, 0);
  const rows = columns.reduce((sum, c) => sum + c.n_window, 0);
  const measured = `${count(windows)} window${windows > 1 ? "s" : ""} with ${count(rows)} rows, ${span(columns[0].start, last.end)}.`;
  const warned = columns.filter((c) => ["critical", "warning"].includes(c.status));
  if (last.status === "no_data") return { status: "no_data", title: "No rows came in the last window", lead: [h("p", { class: "lead" }, `Nothing can be said of ${span(last.start, last.end)}: ${last.reason ?? "no prediction was seen"}. That is not the same as no drift.`), overLine(over)] };
  if (last.status === "insufficient_data") return { status: last.status, title: "Too few rows to judge the last window", lead: [h("p", { class: "lead" }, measured), overLine(over)] };
  if (["error", "undefined"].includes(last.status)) return { status: last.status, title: `The last window is ${wordOf(last.status)}`, lead: h("p", { class: "lead" }, last.reason ?? measured) };
  if (warned.length) return { status: last.status === "ok" ? "ok" : "warning", title: `No alert; ${warned.length} of ${columns.length} columns worth a look`, lead: [h("p", { class: "lead" }, `Something moved, but not both surely and far enough to call anyone. ${measured}`), overLine(over)] };
  return { status: "ok", title: `No drift since ${day(columns[0].start)}: everything is within its limits`, lead: [h("p", { class: "lead" }, measured), overLine(over)] };
}
