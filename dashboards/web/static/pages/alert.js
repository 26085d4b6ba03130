// One alert: the sentence, the window that fired against the baseline with what was before and after, and what to do.

import { all, get, pathOf, post } from "../api.js";
import { line } from "../charts/line.js";
import { groups } from "../charts/groups.js";
import { heatmap, LABELS, legend } from "../charts/heatmap.js";
import { empty, folded, h, load, page, problem, put, section, table } from "../dom.js";
import { count, day, duration, limit, moment, ms, number, precise, span, times } from "../format.js";
import { alertHref, everySeconds, go, href, keepTheme, modelHref, onBack, read, segment } from "../place.js";
import { badge, capital, isPair, kindName, KINDS, metricName, metricTitle, wordOf } from "../words.js";
import { causeOf } from "./alert/cause.js";
import { exhibitOf, keptOf } from "./alert/exhibit.js";
import { comparison, origin } from "./model/feature.js";

const FINGERPRINT = segment(1);
const [BEFORE, AFTER] = [14, 8];
/** By what the evidence of a kind is told apart. */
const PER = { performance: "metric", anomaly: "metric", attribution: "metric", fairness: "slice", capture: "metric" };
/** Where the model's page shows a pair. */
const PAIRS = { correlation_distance: "correlations", association_distance: "associations" };
let drawn = "";

/** The transitions at which the alert spoke, and the one that is looked at: the first unless the URL says another. */
function spoken(alert) {
  const list = alert.transitions.filter((t) => t.state === "firing");
  const at = list.find((t) => t.window.start === read("window")) ?? list[0] ?? alert.transitions[0];
  return { list, at };
}

/** The ranked line that is looked at: the worst unless the URL names another. */
const chosenOf = (at) => at.features.find((one) => one.feature === read("feature") && (one.slice ?? null) === read("slice")) ?? at.features.find((one) => one.feature === read("feature")) ?? at.features[0];

async function context(alert, at) {
  const length = Math.max(ms(at.window.end) - ms(at.window.start), 1000);
  const iso = (time) => new Date(time).toISOString();
  const range = { from: iso(ms(at.window.start) - BEFORE * length), to: iso(ms(at.window.end) + AFTER * length), version: alert.version ?? "", columns: 60 };
  const per = PER[alert.kind] ?? "feature";
  const { metric, slice } = chosenOf(at) ?? alert.features[0] ?? {};
  const grid = await get(pathOf(alert.model, "/grid"), { ...range, per, kind: alert.kind, metric: per === "metric" ? null : metric, rows: 30, slice: per === "slice" ? null : slice ?? "" });
  const column = grid.columns.findIndex((one) => ms(one.start) <= ms(at.window.start) && ms(at.window.start) < ms(one.end));
  return { range: { ...range, version: grid.version }, grid, per, metric, column, slice: per === "slice" ? null : slice };
}

function title(alert) {
  const words = capital(KINDS[alert.kind]?.said ?? alert.kind);
  if (alert.state === "firing") return `${words}, open for ${duration(Date.now() - ms(alert.since))}`;
  return `${words}: ${wordOf(alert.state)} after ${duration(ms(alert.transitions.at(-1).window.end) - ms(alert.since))}`;
}

function lead(alert, at) {
  const first = at.features[0];
  return [
    h("p", { class: "lead" }, h("b", {}, at.summary)),
    h("p", { class: "lead" }, `${metricTitle(first?.metric)} was ${number(at.value)}, its limit ${limit(at.threshold)}, in ${span(at.window.start, at.window.end)}. `, alert.state === "firing" ? `The last window that was looked at says ${number(alert.value)}; the worst was ${number(alert.peak)}.` : `It is over: ${alert.transitions.at(-1).reason ?? ""}; the worst was ${number(alert.peak)}.`, alert.acknowledged_by ? ` Acknowledged by ${alert.acknowledged_by}.` : "", alert.held ? ` Nobody is told since ${moment(alert.held.since)} UTC: ${alert.held.text}.` : ""),
  ];
}

function evidence(alert, at, found) {
  const { grid, per, column, metric } = found;
  if (!grid.columns.length || !grid.rows.length) return section("Before and after", null, empty("The measurements of that time are past their retention."));
  const wanted = read("feature") ?? at.features[0]?.feature;
  const row = grid.rows.find((one) => one.name === wanted) ?? grid.rows[0];
  const events = alert.transitions.map((t) => ({ column: grid.columns.findIndex((one) => one.end === t.window.end || (ms(one.start) <= ms(t.window.start) && ms(t.window.start) < ms(one.end))), status: t.state, text: `${wordOf(t.state)}${t.escalated ? ", got worse" : ""}, ${instant(t)} UTC` })).filter((e) => e.column >= 0);
  const cell = row.cells[column] ?? row.cells.findLast(Boolean);
  const name = row.cells.find(Boolean)?.metric ?? metric;
  const ranked = per === "feature" && grid.rows.length > 1 ? heatmap(grid.columns, grid.rows.slice(0, 12), { label: `${metricTitle(metric)} by feature around the window that fired`, selected: { name: row.name, column }, onSelect: ({ name: feature }) => { if (feature !== row.name) { go({ feature }); refresh(); } } }) : null;
  return section(`${metricTitle(name)}${per === "metric" ? "" : ` of ${row.name}`}${found.slice ? ` of ${found.slice}` : ""}, before and after`, ["Shaded: the window that is looked at · dots on top: when the alert spoke · dashed: ", cell?.threshold === undefined ? "no limit" : `limit ${limit(cell.threshold)}, ${origin(cell.threshold_origin)}`],
    line(grid.columns, row.cells, { label: `${metricTitle(name)} around the window that fired`, selected: column, events, width: 720, height: 190, fromZero: per === "feature", left: LABELS, right: 720 }),
    ranked ? h("div", {}, h("p", { class: "cap" }, legend()), ranked) : null);
}

/** What has no limit can be within none. */
const isJudged = (cell) => (cell.threshold ?? null) !== null || cell.status !== "ok";

function against(alert, at, found) {
  const { grid, per, range, column } = found;
  const kept = keptOf(alert, at, chosenOf(at));
  if (kept.length && (per === "feature" || alert.kind === "attribution" || !grid.columns.length)) return exhibitOf(alert, kept, chosenOf(at));
  const place = h("section", {});
  if (per === "feature" && !kept.length && (at.exhibit ?? alert.exhibit)) return put(place, empty("What it rests on are single numbers: there is no distribution to draw."));
  if (per === "feature") {
    const feature = read("feature") ?? at.features[0]?.feature;
    const row = grid.rows.find((one) => one.name === feature);
    const scope = { version: range.version, rule: grid.rule, slice: found.slice ?? "" };
    const one = (name, cell) => comparison(alert.model, name, at.window, scope, cell);
    // A pair has no distribution of its own: those of its two features are shown.
    load(place, () => (!feature ? empty("This alert names no feature.") : isPair(chosenOf(at)) ? Promise.all(feature.split("~").map((name) => one(name))) : one(feature, row?.cells[column])));
    return place;
  }
  if (per === "slice") {
    const rows = grid.rows.map((row) => ({ name: row.name, cell: row.cells[column] })).filter((row) => row.cell).sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
    return put(place, h("h2", {}, `${metricTitle(found.metric)} by group, ${span(at.window.start, at.window.end)}`), h("p", { class: "cap" }, "Group minus its base group, 95 % interval; green: allowed."), rows.length ? groups(rows, { label: "Groups of the window", width: 520 }) : empty("This window has no groups."));
  }
  const rows = grid.rows.map((row) => row.cells[column]).filter(Boolean);
  return put(place, h("h2", {}, `The window's numbers, ${span(at.window.start, at.window.end)}`), h("p", { class: "cap" }, "With 95 % intervals"),
    table([["metric", (c) => metricName(c.metric)], ["value", (c) => [number(c.value), h("div", { class: "small" }, `${number(c.low)} to ${number(c.high)}`)], "num"], ["limit", (c) => (isJudged(c) ? limit(c.threshold) : ""), "num"], ["n", (c) => count(c.n_window), "num"], ["state", (c) => (isJudged(c) ? badge(c.status) : h("span", { class: "small" }, "not judged"))]], rows));
}

function rankedTable(alert, at) {
  const rowsHref = (f) => modelHref(alert.model, { from: at.window.start, to: at.window.end, version: alert.version, slice: alert.kind === "fairness" ? null : f.slice, feature: PER[alert.kind] || isPair(f) ? null : f.feature }, "/rows");
  const isFeature = !PER[alert.kind];
  const columns = [
    [isFeature ? "feature" : "what", (f) => (isFeature ? h("a", { href: "#", onclick: (event) => { event.preventDefault(); go({ feature: f.feature, slice: f.slice }); refresh(); } }, f.feature) : metricName(f.feature)), "wrap"],
    ...(alert.kind !== "fairness" && at.features.some((f) => f.slice) ? [["of", (f) => f.slice ?? "everyone", "wrap"]] : []),
    ["what moved", (f) => f.detail ?? "", "wrap"], ["metric", (f) => metricName(f.metric), "when"], ["effect", (f) => number(f.effect), "num"], ["times its limit", (f) => times(f.score), "num"], ["", (f) => h("a", { href: rowsHref(f) }, "rows")],
  ];
  return section("Ranked, worst first", "How many times its limit the evidence is; 1 is at the limit.", at.features.length ? table(columns, at.features.slice(0, 15), { label: "Ranked features" }) : empty("No feature is named."), at.features.length > 15 ? h("p", { class: "small" }, `+ ${at.features.length - 15} more`) : null);
}

const SHORT_MS = 10 * 60_000;
const instant = ({ window }) => (ms(window.end) - ms(window.start) < SHORT_MS ? `${day(window.end)} ${precise(window.end)}` : `${moment(window.end)}`);

function life(alert, at) {
  return section("The life of the alert", "Each step, decided at the end of its window, UTC; choose one to see it.", h("ol", { class: "timeline" }, [...alert.transitions].reverse().map((t) => h("li", {},
    h("span", {}, instant(t)), h("span", {}, badge(t.state), t.escalated ? h("div", { class: "small" }, "got worse") : "", t.revised ? h("div", { class: "small" }, "revised") : ""),
    h("span", {}, t.state === "firing" ? h("a", { href: href(location.pathname, { window: t.window.start }), "aria-current": t === at ? "true" : null, onclick: (event) => { event.preventDefault(); go({ window: t.window.start, feature: null }); refresh(); } }, t.summary) : t.summary)))));
}

function act(alert) {
  const said = h("p", { class: "small", role: "status" });
  const run = (what) => async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.target));
    try { await what(values); said.textContent = "Done."; drawn = ""; refresh(); } catch (error) { put(said, problem(error)); }
  };
  const acknowledge = h("form", { class: "inline", onsubmit: run(({ by }) => post(`/api/v1/alerts/${encodeURIComponent(FINGERPRINT)}/acknowledge`, { by })) },
    h("h2", {}, "Acknowledge"), h("label", {}, "your name or team", h("input", { name: "by", required: true, maxlength: 128, autocomplete: "name" })), h("button", {}, "Acknowledge"), h("p", { class: "small" }, "Stops reminders, not the state."));
  const silence = h("form", { class: "inline", onsubmit: run(({ hours, creator, comment, scope }) => post("/api/v1/silences", { model: alert.model, kind: scope === "kind" ? alert.kind : null, end: new Date(Date.now() + Number(hours) * 3_600_000).toISOString(), creator, comment })) },
    h("h2", {}, "Silence"), h("label", {}, "what", h("select", { name: "scope" }, h("option", { value: "kind" }, `${kindName(alert.kind)} of ${alert.model}`), h("option", { value: "model" }, `everything of ${alert.model}`))),
    h("label", {}, "for how long", h("select", { name: "hours" }, [[1, "1 hour"], [8, "8 hours"], [24, "a day"], [168, "a week"], [720, "30 days"]].map(([n, text]) => h("option", { value: n }, text)))),
    h("label", {}, "your name", h("input", { name: "creator", required: true, maxlength: 128 })), h("label", {}, "why", h("input", { name: "comment", required: true, maxlength: 1024 })), h("button", {}, "Silence"));
  return [h("div", { class: "grid2" }, silence, acknowledge), said];
}

function recompute(alert, at) {
  const base = location.origin + pathOf(alert.model);
  const query = new URLSearchParams({ from: at.window.start, to: at.window.end, ...(alert.version ? { version: alert.version } : {}) });
  const command = at.recompute ?? alert.recompute;
  return [
    h("p", { class: "cap", id: "decided-by" }, `Decided by ${at.code ?? alert.code ?? "code that did not say its version"} against baseline ${at.baseline ?? alert.baseline ?? "unknown"}. The same code gives the same numbers to the bit.`),
    command ? [h("p", { class: "cap" }, "The windows that it rests on, counted once more from their rows and labels: says whether tiles and values are, to the bit, those that were judged, as long as the rows are kept."), h("pre", { tabindex: 0 }, h("code", {}, command))] : null,
    h("p", { class: "cap" }, "From the rows and the baseline that the monitor keeps; the numbers are those of the window alone, judged at one false alarm in 1,000 runs."),
    h("pre", { tabindex: 0 }, h("code", {}, [`curl -s '${base}/declaration' > model.json`, `curl -s '${base}/baseline.parquet' > baseline.parquet`, `curl -s '${base}/rows.parquet?${query}' > window.parquet`, "outrider compare baseline.parquet window.parquet --model model.json"].join("\n"))),
    h("p", { class: "cap" }, "The decision records themselves:"), h("pre", { tabindex: 0 }, h("code", {}, `curl -s '${base}/measurements?${query}&kind=${alert.kind}'`))];
}

/** What else was so in that window: other alerts of the model, and holes in what was seen. */
async function besides(alert, at) {
  const [alerts, gaps] = await Promise.all([all("/api/v1/alerts", { model: alert.model }), all(pathOf(alert.model, "/gaps"), { from: at.window.start, to: at.window.end }, 1_000)]);
  const others = alerts.filter((a) => a.fingerprint !== alert.fingerprint && a.since && ms(a.since) <= ms(at.window.end) && (!a.ended || ms(a.ended) > ms(at.window.start)));
  const lost = gaps.reduce((sum, gap) => sum + (gap.exchanges_estimated ?? 0), 0);
  return h("p", { class: "lead" }, "At the same time: ",
    others.length ? [others.map((a, i) => [i ? ", " : "", h("a", { href: alertHref(a.fingerprint) }, KINDS[a.kind]?.said ?? a.kind)]), "; "] : "no other alert; ",
    gaps.length ? [h("b", {}, `${count(gaps.length)} known gap${gaps.length > 1 ? "s" : ""}`), ` in what was seen (${[...new Set(gaps.map((gap) => gap.reason))].slice(0, 3).join(", ")}, about ${count(lost)} exchanges).`] : "no known gap in what was seen.");
}

async function draw(alert, silences) {
  const { at } = spoken(alert);
  const [found, also] = await Promise.all([context(alert, at), besides(alert, at)]);
  const muted = silences.find((x) => (!x.model || x.model === alert.model) && (!x.kind || x.kind === alert.kind));
  document.title = `${kindName(alert.kind)} of ${alert.model} · Outrider`;
  const there = { from: found.range.from, to: found.range.to, version: found.range.version, window: at.window.start, feature: PER[alert.kind] ? null : read("feature") ?? at.features[0]?.feature, check: { prediction_drift: "predictions", label_drift: "labels" }[alert.kind] ?? PAIRS[chosenOf(at)?.metric] };
  const open = (read("open") ?? "").split(",");
  const remember = (name) => (on) => go({ open: [...open.filter((one) => one && one !== name), ...(on ? [name] : [])].join(",") }, { replace: true });
  const fold = (name, head, make) => folded(name, head, async () => make(), { open: open.includes(name), onToggle: remember(name) });
  put(page(),
    h("div", { class: "crumb" }, h("a", { href: href("/alerts") }, "Alerts"), " / ", h("a", { href: modelHref(alert.model, { version: alert.version }) }, alert.model), alert.version ? ` · version ${alert.version}` : "", ` · ${kindName(alert.kind)} · ${alert.fingerprint}`),
    h("div", { class: "verdict" }, h("div", {}, h("h1", {}, badge(alert.state, ""), title(alert)), lead(alert, at), also, muted ? h("p", { class: "lead" }, `Silenced until ${moment(muted.end)} UTC by ${muted.creator}: ${muted.comment}`) : null), h("span", { class: "spring" }),
      h("div", { class: "actions" }, h("a", { class: "pill main", href: modelHref(alert.model, there) }, "The model then"), h("a", { class: "pill", href: modelHref(alert.model, { from: at.window.start, to: at.window.end, version: alert.version, feature: isPair(chosenOf(at)) ? null : there.feature }, "/rows") }, "Rows of the window"))),
    causeOf(alert, at),
    h("div", { class: "grid2" }, evidence(alert, at, found), against(alert, at, found)),
    h("div", { class: "grid2" }, rankedTable(alert, at), life(alert, at)),
    fold("act", "Silence or acknowledge", () => act(alert)),
    fold("recompute", "The command that recomputes it", () => recompute(alert, at)));
}

async function refresh({ quiet = false } = {}) {
  try {
    const [alert, silences] = await Promise.all([get(`/api/v1/alerts/${encodeURIComponent(FINGERPRINT)}`), all("/api/v1/silences", {})]);
    const mark = JSON.stringify([alert, silences, location.search]);
    if (quiet && (mark === drawn || document.querySelector("form :focus"))) return;
    drawn = mark;
    const focus = document.activeElement?.classList.contains("heat");
    await draw(alert, silences);
    if (focus) document.querySelector(".heat")?.focus({ preventScroll: true });
  } catch (error) {
    if (!quiet) put(page(), h("div", { class: "crumb" }, h("a", { href: href("/alerts") }, "Alerts")), problem(error));
    if (!(error.status >= 0)) console.error(error);
  }
}

keepTheme();
refresh();
onBack(() => refresh());
everySeconds(5, () => refresh({ quiet: true }));
