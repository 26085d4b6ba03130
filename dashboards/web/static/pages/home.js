// Models by worst state: one line each, so that 200 are still read.

import { all } from "../api.js";
import { badge, capital, HELD, kindName, KINDS, wordOf } from "../words.js";
import { empty, h, page, problem, put, tableBox } from "../dom.js";
import { count, duration, moment, ms, percent } from "../format.js";
import { strip } from "../charts/strip.js";
import { alertHref, everySeconds, go, keepTheme, modelHref, onBack, read } from "../place.js";

const FILTER_FROM = 15;
const DENSE_FROM = 30;

function sentence(model) {
  if (model.alerts.length) {
    const [first] = model.alerts;
    return [h("b", {}, capital(KINDS[first.kind]?.said ?? first.kind)), `: ${first.summary}`];
  }
  if (!model.last_window) return model.baseline ? "Waiting for its first window." : "No baseline yet: nothing can be compared.";
  const last = model.last_window;
  const words = { ok: "Within all limits.", warning: "Worth a look: something moved, not enough to call anyone.", critical: "A window is over its limits; no alert is open.", insufficient_data: "Too few rows to judge.", no_data: "No rows came.", undefined: "Nothing could be computed.", error: "Measuring failed." };
  return [words[last.status] ?? "", last.reason ? ` ${last.reason}` : ""];
}

function coverage(model) {
  const rows = model.recent.reduce((sum, w) => sum + w.n_window, 0);
  const labelled = model.recent.reduce((sum, w) => sum + w.labelled, 0);
  return labelled ? percent(labelled / rows) : h("span", { class: "small" }, "none");
}

function line(model) {
  const status = model.alerts.length ? "critical" : model.status;
  const word = model.alerts.length ? `${model.alerts.length} alert${model.alerts.length > 1 ? "s" : ""}` : wordOf(status);
  const link = modelHref(model.model);
  return h("tr", { role: "row", "data-href": link, onclick: (event) => { if (!event.target.closest("a")) location.href = link; } },
    h("td", { role: "cell" }, badge(status, word)),
    h("td", { role: "cell", class: "name" }, h("a", { href: link }, model.model), model.declared ? null : h("div", { class: "small" }, "not declared")),
    h("td", { role: "cell", class: "wrap" }, sentence(model), model.alerts.length ? h("div", { class: "small" }, model.alerts.map((a, i) => [i ? " · " : "", h("a", { href: alertHref(a.fingerprint) }, kindName(a.kind)), a.held ? ` (held: ${HELD[a.held.reason]})` : ""])) : null),
    h("td", { role: "cell", class: "strip" }, model.recent.length ? strip(model.recent, model.recent, { label: `States of the last ${model.recent.length} windows of ${model.model}`, width: 210 }) : h("span", { class: "small" }, "no windows")),
    h("td", { role: "cell", class: "num", "data-head": "for" }, model.since ? duration(Date.now() - ms(model.since)) : ""),
    h("td", { role: "cell", class: "num", "data-head": "labels" }, coverage(model)),
    h("td", { role: "cell", class: "when", "data-head": "last window" }, model.last_window ? [moment(model.last_window.end), h("div", { class: "small" }, `n ${count(model.last_window.n_window)}`)] : ""),
    h("td", { role: "cell", "data-head": "owner" }, model.owner ?? h("span", { class: "small" }, "nobody")));
}

function headline(models) {
  const firing = models.filter((m) => m.alerts.length);
  const alerts = firing.reduce((sum, m) => sum + m.alerts.length, 0);
  const worth = models.filter((m) => !m.alerts.length && ["warning", "critical", "error"].includes(m.status)).length;
  if (firing.length) return ["critical", `${firing.length} of ${count(models.length)} model${models.length > 1 ? "s" : ""} ${firing.length > 1 ? "have" : "has"} open alerts`, `${alerts} open: ${[...new Set(firing.flatMap((m) => m.firing))].map(kindName).join(", ").toLowerCase()}${worth ? `; ${worth} more worth a look` : ""}.`];
  const silent = models.filter((m) => m.status === "no_data").length;
  return [worth ? "warning" : silent === models.length ? "no_data" : "ok", worth ? `No open alert; ${worth} model${worth > 1 ? "s are" : " is"} worth a look` : silent === models.length ? "No data yet" : "No drift: every model is within its limits", silent ? `${silent} without data.` : ""];
}

function draw(models) {
  if (!models.length) {
    put(page(), h("h1", {}, badge("no_data", ""), "No model yet"), empty("Nothing was declared and no prediction came. Put a sidecar in front of an inference server (", h("code", {}, "outrider sidecar --listen … --upstream … --monitor …"), ") or declare a model (", h("code", {}, "outrider model apply FILE"), "). ", h("code", {}, "outrider demo"), " shows it all."));
    return;
  }
  const wanted = (read("q") ?? "").toLowerCase();
  const shown = models.filter((m) => !wanted || `${m.model} ${m.owner ?? ""} ${m.firing.join(" ")}`.toLowerCase().includes(wanted));
  const [status, title, more] = headline(models);
  const body = h("tbody", { role: "rowgroup" }, shown.map(line));
  const search = h("input", { type: "search", placeholder: "model, owner or kind", value: read("q") ?? "", "aria-label": "Show only", id: "q", oninput: () => { go({ q: search.value }, { replace: true }); const text = search.value.toLowerCase(); put(body, models.filter((m) => `${m.model} ${m.owner ?? ""} ${m.firing.join(" ")}`.toLowerCase().includes(text)).map(line)); } });
  const focused = document.activeElement?.id === "q";
  put(page(),
    h("div", { class: "verdict" }, h("div", {}, h("h1", {}, badge(status, ""), title), h("p", { class: "lead" }, more)), h("span", { class: "spring" }), models.length >= FILTER_FROM || wanted ? h("div", { class: "actions" }, search) : null),
    h("section", {}, tableBox(h("table", { role: "table", class: models.length >= DENSE_FROM ? "models dense" : "models", "aria-label": "Models by worst state" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ["state", "model", "what is the matter", "last windows", "for", "labels", "last window, UTC", "owner"].map((name) => h("th", { role: "columnheader", scope: "col", class: ["for", "labels"].includes(name) ? "num" : null }, name)))), body)),
      shown.length ? null : empty("No model matches.")));
  if (focused) document.getElementById("q")?.focus();
}

async function refresh() {
  try {
    draw(await all("/api/v1/models", {}));
    document.getElementById("live").textContent = "";
  } catch (error) {
    if (page().querySelector(".loading")) put(page(), problem(error));
    document.getElementById("live").textContent = error.title ?? error.message;
  }
}

keepTheme();
refresh();
onBack(refresh);
everySeconds(5, refresh);
