// Which rows to show: a condition on one column, a group, a slice, a version, the anomalous ones, a trace. All of it is in the URL.

import { h } from "../../dom.js";
import { go } from "../../place.js";

/** What may be wrong with a value, as a sentence goes on. */
export const FAULTS = { missing: "is missing", new: "is new to the baseline", outside: "is outside the baseline's range", schema: "breaks the schema" };
const NONE = { category: null, above: null, up_to: null, fault: null };

const local = (time) => (time ? new Date(time).toISOString().slice(0, 19) : "");
const utc = (text) => (text ? `${text.length === 16 ? `${text}:00` : text}Z` : null);

/** Columns that may be asked of: declared or proposed features, outputs, groups. */
function columnsOf(model) {
  const { features, prediction, groups } = model.proposal ?? model.declaration;
  const named = Array.isArray(features) ? features : Object.keys(features ?? {});
  const outputs = typeof prediction === "string" ? [prediction] : Object.values(prediction ?? {});
  return [...new Set([...named, ...outputs, ...(groups ?? []).flat()])];
}

const option = (value, text, chosen) => h("option", { value, selected: value === (chosen ?? "") }, text);

export function picker(query, model, refresh) {
  const show = (changes) => { go({ ...changes, cursor: null, prediction: null }); refresh(); };
  const feature = h("input", { name: "feature", list: "columns", value: query.feature ?? "", placeholder: "column", "aria-label": "Column" });
  const how = query.fault ?? (query.above !== null || query.up_to !== null ? "between" : "is");
  const condition = h("select", { name: "condition", "aria-label": "Condition", onchange: () => fit() }, option("is", "is", how), option("between", "is between", how), Object.entries(FAULTS).map(([name, text]) => option(name, text, how)));
  const category = h("input", { name: "category", value: query.category ?? "", placeholder: "value", "aria-label": "Value" });
  const above = h("input", { name: "above", type: "number", step: "any", value: query.above ?? "", placeholder: "more than", "aria-label": "More than" });
  const upTo = h("input", { name: "up_to", type: "number", step: "any", value: query.up_to ?? "", placeholder: "at most", "aria-label": "At most" });
  const group = h("input", { name: "group", value: query.group ?? "", placeholder: "column=group", "aria-label": "Group", list: "groups" });
  const trace = h("input", { name: "trace", value: query.trace ?? "", placeholder: "trace id", "aria-label": "Trace id" });
  const from = h("input", { name: "from", type: "datetime-local", step: 1, value: local(query.from), "aria-label": "From, UTC" });
  const to = h("input", { name: "to", type: "datetime-local", step: 1, value: local(query.to), "aria-label": "To, UTC" });
  const anomalous = h("input", { name: "anomalous", type: "checkbox", checked: Boolean(query.anomalous) });
  const { slices, groups } = model.declaration;
  const slice = slices?.length ? h("select", { name: "slice", "aria-label": "Slice" }, option("", "everyone", query.slice), slices.map((one) => (typeof one === "string" ? one : one.name)).map((name) => option(name, name, query.slice))) : null;
  const versions = model.versions.filter(Boolean);
  const version = versions.length > 1 ? h("select", { name: "version", "aria-label": "Version" }, option("", "every version", query.version), versions.map((name) => option(name, name, query.version))) : null;

  function fit() {
    category.hidden = condition.value !== "is";
    above.hidden = upTo.hidden = condition.value !== "between";
  }
  fit();
  function submit(event) {
    event.preventDefault();
    const chosen = condition.value === "is" ? { category: category.value } : condition.value === "between" ? { above: above.value, up_to: upTo.value } : { fault: condition.value };
    const times = { ...(from.value === local(query.from) ? {} : { from: utc(from.value) }), ...(to.value === local(query.to) ? {} : { to: utc(to.value) }) };
    show({ ...NONE, feature: feature.value, ...(feature.value ? chosen : {}), group: group.value, trace: trace.value, anomalous: anomalous.checked ? "true" : null, ...(slice ? { slice: slice.value } : {}), ...(version ? { version: version.value } : {}), ...times });
  }
  const narrowed = ["category", "above", "up_to", "fault", "group", "slice", "anomalous", "trace"].some((name) => query[name]);
  return h("form", { class: "controls filters", onsubmit: submit },
    h("datalist", { id: "columns" }, columnsOf(model).map((name) => h("option", { value: name }))),
    h("datalist", { id: "groups" }, (groups ?? []).map((name) => h("option", { value: `${[name].flat().join(" & ")}=` }))),
    h("span", { class: "field" }, h("label", {}, "rows where", feature), condition, category, above, upTo),
    groups?.length ? h("label", { class: "field" }, "group", group) : null, slice ? h("label", { class: "field" }, "slice", slice) : null, version ? h("label", { class: "field" }, "version", version) : null,
    h("label", { class: "field" }, "trace", trace), h("label", { class: "field" }, anomalous, "anomalous only"), h("span", { class: "field" }, from, " – ", to, " UTC"),
    h("button", {}, "Show"), narrowed ? h("button", { type: "button", onclick: () => show({ ...NONE, group: null, slice: null, anomalous: null, trace: null }) }, "All rows of the span") : null);
}
