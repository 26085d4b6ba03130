// All alerts that are or were open, of which nobody is or was told, and what is silenced.

import { all, get, remove } from "../api.js";
import { empty, h, page, problem, put, section, table } from "../dom.js";
import { duration, limit, moment, ms, number } from "../format.js";
import { alertHref, everySeconds, go, keepTheme, modelHref, onBack, read } from "../place.js";
import { badge, HELD, kindName, KINDS, metricName } from "../words.js";

const [SHOWN, HOLDS_SHOWN] = [500, 50];
let drawn = "";

const lasted = (alert) => (alert.since ? duration((alert.ended ? ms(alert.ended) : Date.now()) - ms(alert.since)) : "");
const metricOf = (alert) => alert.features[0]?.metric;

const COLUMNS = [
  ["state", (a) => [badge(a.state), a.held ? h("div", { class: "small", title: a.held.text }, `held: ${HELD[a.held.reason]}`) : null]],
  ["model", (a) => h("a", { href: modelHref(a.model, { version: a.version }) }, a.model), "name"],
  ["what", (a) => [h("a", { href: alertHref(a.fingerprint) }, kindName(a.kind)), h("div", {}, a.summary)], "wrap"],
  ["value", (a) => [number(a.value), h("div", { class: "small" }, metricName(metricOf(a)))], "num"],
  ["limit", (a) => limit(a.threshold), "num"],
  ["worst", (a) => number(a.peak), "num"],
  ["since, UTC", (a) => moment(a.since), "when"],
  ["open for", lasted, "num"],
  ["acknowledged by", (a) => a.acknowledged_by ?? ""],
];

const OUTCOMES = { told: "told then", over: "over by then, never told", held: "held on for another reason" };

function held(holds) {
  if (!holds.length) return h("p", { class: "small" }, "Nothing was held back.");
  return table([
    ["model", (x) => h("a", { href: modelHref(x.model, { version: x.version }) }, x.model), "name"], ["what", (x) => h("a", { href: alertHref(x.fingerprint) }, kindName(x.kind))], ["why", (x) => [HELD[x.reason], h("div", { class: "small" }, x.text)], "wrap"],
    ["from, UTC", (x) => moment(x.since), "when"], ["until", (x) => (x.until ? moment(x.until) : "now"), "when"], ["then", (x) => OUTCOMES[x.outcome] ?? "goes on"],
  ], holds, { label: "Held back" });
}

/** One that never spoke of anything is no alert that was ever open: its kind waits for rows, or for its second look. */
const wasOpen = (alert) => alert.since || alert.state === "pending";

function draw(every, silences, holds, refresh) {
  const alerts = every.filter(wasOpen);
  const [state, kind] = [read("state"), read("kind")];
  const shown = alerts.filter((a) => (!state || a.state === state) && (!kind || a.kind === kind));
  const firing = alerts.filter((a) => a.state === "firing").length;
  const choice = (name, values, show) => h("label", {}, name, h("select", { onchange: (event) => { go({ [name]: event.target.value || null }); drawn = ""; refresh(); } }, h("option", { value: "" }, "any"), values.map((value) => h("option", { value, selected: value === read(name) }, show(value)))));
  put(page(),
    h("h1", {}, badge(firing ? "critical" : "ok", ""), firing ? `${firing} alert${firing > 1 ? "s are" : " is"} open` : "No alert is open"),
    h("div", { class: "controls" }, choice("state", [...new Set(alerts.map((a) => a.state))], (v) => v.replace("_", " ")), choice("kind", Object.keys(KINDS), kindName)),
    section("Alerts", alerts.length > SHOWN ? `The first ${SHOWN} of ${alerts.length}, open ones first.` : "Open ones first, then the newest.", shown.length ? table(COLUMNS, shown.slice(0, SHOWN), { label: "Alerts" }) : empty(alerts.length ? "None like that." : "No alert was ever open. Windows that are within their limits open none.")),
    section("Held back", `Times in which nobody was told of an open alert, because something else explains it or somebody silenced it; the newest ${HOLDS_SHOWN}. Its state goes on.`, held(holds)),
    section("Silences", "A silence mutes notifications until it ends; states go on. Make one on an alert's page.", silences.length ? table([
      ["model", (x) => x.model ?? "any"], ["kind", (x) => (x.kind ? kindName(x.kind) : "any")], ["from, UTC", (x) => moment(x.start)], ["until", (x) => moment(x.end)], ["by", (x) => x.creator], ["why", (x) => x.comment, "wrap"],
      ["", (x) => h("button", { type: "button", onclick: async () => { await remove(`/api/v1/silences/${x.id}`); drawn = ""; refresh(); } }, "end now")],
    ], silences, { label: "Silences" }) : h("p", { class: "small" }, "Nothing is silenced.")));
}

async function refresh() {
  try {
    const [alerts, silences, { items: holds }] = await Promise.all([all("/api/v1/alerts", {}), all("/api/v1/silences", {}), get("/api/v1/holds", { limit: HOLDS_SHOWN })]);
    const mark = JSON.stringify([alerts, silences, holds, location.search]);
    if (mark !== drawn) { drawn = mark; draw(alerts, silences, holds, refresh); }
  } catch (error) {
    if (!drawn) put(page(), problem(error));
  }
}

keepTheme();
refresh();
onBack(refresh);
everySeconds(5, refresh);
