// Why the alert opened: the record that the monitor stored with it, as it was found when the alert spoke or its story had grown.

import { empty, h, section, table } from "../../dom.js";
import { count, fixed, moment, number, signed } from "../../format.js";
import { alertHref, modelHref } from "../../place.js";

const VERDICTS = {
  data_fault: "A fault of the data",
  population_shift: "Another population",
  relation_change: "The same inputs mean something else",
  undetermined: "No cause in the inputs",
};
/** What a found slice's numbers are of. */
const OF = { error: "error", score: "score", label: "share of positives", share: "share of the rows" };

export function causeOf(alert, at) {
  const last = alert.transitions.findLast((t) => t.state === "firing") ?? at;
  const cause = at === last ? alert.cause ?? at.cause : at.cause;
  if (!cause) return null;
  const before = at === last ? alert.past_causes ?? [] : [];
  const since = cause.since;
  return h("section", { id: "cause" }, h("h2", {}, "Why"),
    h("p", { class: "lead" }, h("b", {}, `${VERDICTS[cause.verdict]}: `), cause.evidence, ".", cause.feature && ["data_fault", "population_shift"].includes(cause.verdict) ? [" Look at ", h("b", {}, cause.feature), " first."] : null),
    h("p", { class: "lead" }, since ? ["Since ", h("b", {}, `${moment(since.at)} UTC`), since.low === since.high ? "" : ` (95 % interval ${moment(since.low)} to ${moment(since.high)})`, since.from_the_first ? "; the first window that is kept is different already, so it may have begun before. " : ". "] : "When it began cannot be told. ",
      cause.examples.length ? ["For example ", cause.examples.slice(0, 4).map((id, i) => [i ? ", " : "", h("a", { href: exampleHref(alert, cause, at, id) }, id)]), cause.examples.length > 4 ? ` and ${cause.examples.length - 4} more.` : "."] : null),
    upstreamOf(alert, cause),
    before.length ? h("details", {}, h("summary", { class: "small" }, `Found again when the story had grown; ${count(before.length)} earlier`), h("ol", { class: "timeline" }, before.map((one) => h("li", {}, h("span", {}, one.window.end ? `${moment(one.window.end)}` : ""), h("span", {}), h("span", {}, one.summary))))) : null,
    h("div", { class: cause.impacts.length ? "grid2 even" : "apart" }, slices(cause), impacts(cause)));
}

/** Models that feed this one and changed before it: as they are now where the alert's newest step is shown. */
function upstreamOf(alert, cause) {
  const found = cause.upstream?.length ? cause.upstream : alert.upstream ?? [];
  if (!found.length) return null;
  const when = (one) => (one.windows_earlier > 0 ? `${one.sure ? "" : "about "}${one.windows_earlier} window${one.windows_earlier > 1 ? "s" : ""} earlier` : one.windows_earlier < 0 ? "later" : "at about the same time");
  return h("p", { class: "lead", id: "upstream" }, "Upstream: ", found.slice(0, 4).map((one, i) => [i ? "; " : "", h("a", { href: alertHref(one.fingerprint) }, h("b", {}, one.model)), ` ${one.kind.replaceAll("_", " ")}${one.feature ? ` (${one.feature})` : ""} since ${moment(one.since.at)} UTC, ${when(one)}`]), ".");
}

const exampleHref = (alert, cause, at, id) => modelHref(alert.model, { from: cause.since?.at ?? at.window.start, to: cause.window?.end ?? at.window.end, version: alert.version, prediction: id }, "/rows");

function slices(cause) {
  const what = OF[cause.slices_of] ?? `place of ${cause.slices_of}`;
  const caption = cause.candidates ? `Parts of the population whose ${what} moved more than the rest's; ${count(cause.candidates)} candidates share one chance in twenty of a false one; below each change its interval.` : "The baseline's rows are past their retention, so nothing was searched.";
  if (!cause.slices.length) return section("Where most", caption, empty(cause.candidates ? "Nowhere more than elsewhere: it hit all alike." : "Not searched."));
  return section("Where most", caption, table([
    ["slice", (one) => h("code", {}, one.where), "wrap"], ["n", (one) => count(one.n_window), "num"], ["window", (one) => number(one.value), "num"], ["baseline", (one) => (one.baseline === null ? "" : number(one.baseline)), "num"],
    [cause.slices_of === "share" ? "change" : "more than the rest", (one) => [signed(one.effect), h("div", { class: "small" }, `${signed(one.low, 2)} to ${signed(one.high, 2)}`)], "num"], ["p", (one) => (one.p < 0.001 ? "< 0.001" : fixed(one.p)), "num"],
  ], cause.slices, { label: "Found slices" }));
}

function impacts(cause) {
  if (!cause.impacts.length) return null;
  const within = cause.impacts.some((one) => one.within !== null);
  return section(`What each feature's new values do to the ${cause.impacts_of}`, `The change of the mean ${cause.impacts_of} that the new distribution of one feature alone brings, with its 95 % interval${within ? "; beside it what changed for the same values of it" : ""}. Features that move together share theirs.`, table([
    ["feature", (one) => one.feature, "wrap"], ["impact", (one) => signed(one.effect), "num"], ["95 % interval", (one) => `${signed(one.low)} to ${signed(one.high)}`, "when"], ...(within ? [["same values", (one) => (one.within === null ? "" : signed(one.within)), "num"]] : []),
  ], cause.impacts, { label: "Impacts" }));
}
