// The models that feed this one: who changed first, and which requests passed all of them.

import { get, pathOf } from "../../api.js";
import { empty, h, section, table } from "../../dom.js";
import { count, duration, moment, percent, span } from "../../format.js";
import { href, modelHref } from "../../place.js";
import { badge } from "../../words.js";

const seconds = (value) => (value === null ? "not timed" : value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : duration(value * 1000));
const kindName = (kind) => kind.replaceAll("_", " ");

export async function pipeline(data) {
  const { from, to, rule } = data.scope;
  const found = await get(pathOf(data.name, "/pipeline"), { from, to, rule });
  if (found.components.length < 2 && !found.feeds.length) return empty("No model is declared to feed this one (", h("code", {}, "upstream: […]"), " in its declaration), and it feeds none.");
  const feeds = found.feeds.length ? h("p", { class: "cap" }, "Feeds ", found.feeds.map((name, i) => [i ? ", " : "", h("a", { href: modelHref(name, {}) }, name)]), ".") : null;
  if (found.components.length < 2) return feeds;
  return [feeds, changes(found), passed(found)];
}

function changes(found) {
  const caption = found.first ? `${found.first.model} was ${found.first_is_sure ? "" : "probably "}first. The first to change need not be the cause; it is where to look first.` : "No model of the pipeline has an open alert.";
  return section("Who changed first", caption, table([
    ["model", (c) => h("a", { href: modelHref(c.model, {}) }, c.model), "wrap"], ["feeds it in", (c) => (c.depth ? `${c.depth} step${c.depth > 1 ? "s" : ""}` : "this model"), "num"],
    ["began, UTC", (c) => (c.change ? moment(c.change.since.at) : ""), "when"], ["95 % interval", (c) => (c.change ? `${moment(c.change.since.low)} to ${moment(c.change.since.high)}` : ""), "when"],
    ["alert", (c) => (c.change ? h("a", { href: href(`/alerts/${c.change.fingerprint}`) }, `${kindName(c.change.kind)}${c.change.feature ? `: ${c.change.feature}` : ""}`) : c.known ? badge("ok", "none open") : badge("no_data", "not seen here")), "wrap"],
  ], found.components.map((one) => ({ ...one, change: found.changes.find((c) => c.model === one.model) })), { label: "Components by when they changed" }));
}

function passed(found) {
  const last = found.items.at(-1);
  if (!last) return section("What passed", null, empty("No window of this range has rows."));
  const share = (w) => (w.share === null ? h("span", { class: "small" }, w.reason) : `${percent(w.share)} (${percent(w.low)} to ${percent(w.high)})`);
  return section("What passed", "Requests that the first model saw in the window and that every model answered, tied by trace id; the whole way by the sidecars' clocks.",
    table([["window", (w) => span(w.start, w.end), "when"], ["requests", (w) => count(w.requests), "num"], ["passed all", share, "wrap"], ["half within", (w) => seconds(w.seconds.p50), "num"], ["95 % within", (w) => seconds(w.seconds.p95), "num"]], [...found.items].reverse(), { label: "Requests that passed by window" }),
    h("h3", {}, `In ${span(last.start, last.end)}`),
    table([["model", (c) => c.model, "wrap"], ["reached", (c) => count(c.reached), "num"], ["answered", (c) => count(c.answered), "num"], ["refused", (c) => count(c.failed), "num"], ["half within", (c) => seconds(c.seconds.p50), "num"], ["95 % within", (c) => seconds(c.seconds.p95), "num"]], last.components, { label: "Components of the last window" }));
}
