// What the sidecars saw and kept, a model at a time: seen = captured + sampled out + undecodable + dropped, and the known holes.

import { all, get, pathOf } from "../api.js";
import { capture, PARTS } from "../charts/capture.js";
import { empty, h, page, problem, put, s, section } from "../dom.js";
import { count, percent, span } from "../format.js";
import { everySeconds, keepTheme, modelHref } from "../place.js";
import { badge } from "../words.js";
import { gapTable } from "./model/folds.js";

const MODELS_SHOWN = 20;
let drawn = "";

const key = (cls, text) => h("span", { class: "key" }, s("svg", { viewBox: "0 0 11 11", "aria-hidden": "true" }, s("rect", { width: 11, height: 11, rx: 2, class: cls })), text);

async function fetched() {
  const models = await all("/api/v1/models", {});
  const shown = models.filter((m) => m.last_window).slice(0, MODELS_SHOWN);
  const parts = await Promise.all(shown.map(async (model) => {
    const grid = await get(pathOf(model.model, "/grid"), { per: "kind", kind: "capture", columns: 60 });
    const { columns } = grid;
    const gaps = columns.length ? await all(pathOf(model.model, "/gaps"), { from: columns[0].start, to: columns.at(-1).end }, 2_000) : [];
    const account = columns.length ? await get(pathOf(model.model, "/account"), { from: columns[0].start, to: columns.at(-1).end }) : null;
    return { model, columns, gaps, account };
  }));
  return { models, parts };
}

const STATES = { complete: "everything that passed is accounted for", gaps: "there are known gaps", blind: "nothing was seen, and there are known gaps", idle: "a sidecar was there, and nothing came", no_data: "no sidecar reported, so nothing is known" };

function tapLine(account) {
  if (!account) return null;
  const { tap, gaps, exchanges } = account;
  const why = Object.entries(tap.bytes_uncopied).map(([reason, lost]) => `${reason} ${count(lost)}`).join(", ");
  const left = exchanges.unaccounted ? ` · ${count(exchanges.unaccounted)} exchanges unaccounted for` : "";
  return h("p", { class: "cap" }, `At the tap: ${count(tap.connections)} connections, ${count(tap.bytes)} bytes, ${count(tap.bytes_copied)} of them copied${why ? ` (not: ${why})` : ""} · ${STATES[account.state]}${gaps.batches_missing ? ` · ${count(gaps.batches_missing)} batches never came` : ""}${left}`);
}

function part({ model, columns, gaps, account }) {
  const sum = (name) => columns.reduce((total, column) => total + column[name], 0);
  const seen = sum("seen");
  const lost = sum("dropped") + sum("undecodable");
  const status = !seen && !gaps.length ? "no_data" : gaps.length || lost ? "warning" : "ok";
  const said = seen ? `${percent((seen - lost) / seen)} of ${count(seen)} exchanges kept or sampled out on purpose` : "not seen by a sidecar";
  return h("section", {}, h("h2", {}, h("a", { href: modelHref(model.model) }, model.model), " ", badge(status, status === "no_data" ? "no sidecar" : undefined), h("span", { class: "small" }, ` ${said}`)),
    h("p", { class: "cap" }, `${span(columns[0]?.start, columns.at(-1)?.end)} · `, PARTS.map(([name]) => `${name.replace("_", " ")} ${count(sum(name))}`).join(" · ")),
    tapLine(account),
    seen || gaps.length ? [capture(columns, gaps, { label: `Capture of ${model.model}: ${said}` }), gapTable(gaps)] : empty("Its rows did not come through a sidecar, so nothing is known of what was not seen."));
}

function draw({ models, parts }) {
  const holes = parts.reduce((sum, one) => sum + one.gaps.length, 0);
  const sawAny = parts.some((one) => one.columns.some((column) => column.seen));
  put(page(), h("h1", {}, badge(!sawAny ? "no_data" : holes ? "warning" : "ok", ""), !sawAny ? "No sidecar has reported" : holes ? `${count(holes)} known gap${holes > 1 ? "s" : ""} in what was seen` : "Nothing was lost"),
    h("p", { class: "lead" }, "Seen = captured + sampled out + undecodable + dropped, in exchanges of each window. What was not even copied is a gap: known when, how many bytes, and about how many exchanges."),
    h("p", { class: "cap" }, PARTS.map(([name, cls]) => key(`c-${cls}`, name.replace("_", " "))), key("s-gap", "known gap")),
    parts.map(part), parts.length ? null : section("Nothing yet", null, empty(models.length ? "No window of any model has closed." : "No model is known. Put a sidecar in front of an inference server: ", models.length ? "" : h("code", {}, "outrider sidecar --listen … --upstream … --monitor …"))),
    models.length > MODELS_SHOWN ? h("p", { class: "small" }, `The ${MODELS_SHOWN} models in the worst state; the others are on their own pages.`) : null);
}

async function refresh() {
  try {
    const data = await fetched();
    const mark = JSON.stringify(data);
    if (mark !== drawn) { drawn = mark; draw(data); }
  } catch (error) {
    if (!drawn) put(page(), problem(error));
  }
}

keepTheme();
refresh();
everySeconds(5, refresh);
