// Whether the monitor itself is well: its passes, what it stumbled over, how fresh each model is.

import { all, get, health } from "../api.js";
import { empty, h, page, problem, put, section, table } from "../dom.js";
import { count, duration, moment, ms } from "../format.js";
import { everySeconds, keepTheme, modelHref } from "../place.js";
import { badge, HELD } from "../words.js";

let drawn = "";

function draw({ state, models, holds, about }) {
  const { errors } = state;
  const status = !state.ready ? "critical" : errors.length ? "warning" : "ok";
  put(page(), h("h1", {}, badge(status, ""), !state.ready ? "The catalog does not answer" : errors.length ? `Running; the scheduler last stumbled ${errors.length} time${errors.length > 1 ? "s" : ""}` : "Running, without errors"),
    h("p", { class: "lead" }, `${count(state.passes)} passes of the scheduler, ${count(state.windows)} windows closed or revised since the start.`),
    section("What the scheduler last stumbled over", "Newest last. A failed pass is tried again.", errors.length ? h("ol", { class: "timeline" }, errors.map((error) => h("li", {}, h("pre", { tabindex: 0 }, typeof error === "string" ? error : JSON.stringify(error))))) : empty("Nothing.")),
    section("How fresh each model is", "Windows close when their time and the allowed lateness have passed.", models.length ? table([
      ["model", (m) => h("a", { href: modelHref(m.model) }, m.model)], ["state", (m) => badge(m.alerts.length ? "critical" : m.status, m.alerts.length ? "alert" : undefined)], ["versions", (m) => m.versions.map((v) => v ?? "unversioned").join(", "), "wrap"],
      ["last window ended, UTC", (m) => (m.last_window ? moment(m.last_window.end) : "none yet")], ["ago", (m) => (m.last_window ? duration(Date.now() - ms(m.last_window.end)) : ""), "num"], ["baseline", (m) => (m.baseline ? `${m.baseline.id.slice(0, 8)}, ${count(m.baseline.rows)} rows` : "none")], ["declared", (m) => (m.declared ? "yes" : "no: proposed from traffic")],
    ], models, { label: "Models" }) : empty("No model is known.")),
    section("What was held back", "Times in which nobody was told of an open alert, by model and reason; each is on the page of the alerts.", holds.length ? table([
      ["model", (x) => h("a", { href: modelHref(x.model) }, x.model)], ["why", (x) => HELD[x.reason]], ["times", (x) => count(x.count), "num"], ["go on", (x) => count(x.open), "num"], ["told then", (x) => count(x.told), "num"], ["over by then", (x) => count(x.over), "num"], ["held on for another reason", (x) => count(x.held), "num"],
    ], holds, { label: "Held back" }) : empty("Nothing.")),
    section("Elsewhere", null, h("p", {}, h("a", { href: "/metrics" }, "/metrics"), " for Prometheus · ", h("a", { href: "/health/ready" }, "/health/ready"), " · ", h("a", { href: "/openapi.json" }, "/openapi.json"), ` describes the API (${about.info.title} ${about.info.version}, ${count(Object.keys(about.paths).length)} paths)`)));
}

let about = null;

async function refresh() {
  try {
    about ??= await get("/openapi.json");
    const [state, models, holds] = await Promise.all([health(), all("/api/v1/models", {}), all("/api/v1/holds/counts", {})]);
    const mark = JSON.stringify([{ ...state, passes: 0 }, models, holds, Math.floor(Date.now() / 10_000)]);
    if (mark !== drawn) { drawn = mark; draw({ state, models, holds, about }); }
  } catch (error) {
    put(page(), problem(error));
    drawn = "";
  }
}

keepTheme();
refresh();
everySeconds(5, refresh);
