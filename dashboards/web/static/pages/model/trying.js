// A declaration tried on the windows that are stored, beside the one in force, before it is saved. Nothing is changed.

import { pathOf, post } from "../../api.js";
import { empty, h, load, section, table } from "../../dom.js";
import { count, moment } from "../../format.js";
import { badge } from "../../words.js";

const WINDOWS = 500;
const WINDOWS_MAX = 5_000;
const STEPS_SHOWN = 50;

/** What somebody has written stays there when the page draws itself anew. */
let form = null;
export const trying = (data) => (form ??= drawn(data));

function drawn(data) {
  const text = h("textarea", { rows: 16, class: "code", spellcheck: "false", "aria-label": "Declaration to be tried" });
  text.value = JSON.stringify(data.model.declaration, null, 2);
  const windows = h("input", { type: "number", min: 1, max: WINDOWS_MAX, value: WINDOWS, "aria-label": "Last windows of each version" });
  const found = h("div", { role: "status" });
  const button = h("button", { type: "button", onclick: async () => {
    button.disabled = true;
    await load(found, async () => told(await post(`${pathOf(data.name, "/preview")}?windows=${encodeURIComponent(windows.value)}`, text.value)));
    button.disabled = false;
  } }, "Try it");
  return [h("p", { class: "cap" }, "The declaration in force, YAML or JSON: change it, and see what it would have told of the windows that are stored. Nothing is saved; ", h("code", {}, "outrider model apply FILE"), " saves."),
    text, h("p", { class: "filters" }, h("label", { class: "field" }, "last windows of each version", windows), button), found];
}

function told({ proposed, in_force: now }) {
  if (!proposed.some((one) => one.windows)) return empty("No window is stored that was compared with this baseline.");
  const beside = (one) => now.find((other) => other.version === one.version && other.rule === one.rule);
  const both = proposed.flatMap((one) => [["as changed", one], ...(beside(one) ? [["in force", beside(one)]] : [])]);
  const columns = [
    ["declaration", ([word]) => word], ["version", ([, one]) => one.version ?? "(none)"], ["windows", ([, one]) => `${count(one.windows)} of ${one.rule}`, "num"],
    ["from, UTC", ([, one]) => (one.start ? moment(one.start) : ""), "when"], ["alerts opened", ([, one]) => count(one.opened), "num"], ["open at the end", ([, one]) => one.open.join(", ") || "none", "wrap"],
    ["critical findings", ([, one]) => `${count(one.critical)} of ${count(one.judged)}`, "num"],
  ];
  const steps = proposed.flatMap((one) => one.transitions.map((step) => ({ ...step, rule: one.rule })));
  const list = steps.length ? table([["at, UTC", (step) => moment(step.window.end), "when"], ["version", (step) => step.version ?? "(none)"], ["state", (step) => badge(step.state)], ["kind", (step) => step.kind], ["it says", (step) => step.summary, "wrap"]], steps.slice(0, STEPS_SHOWN), { label: "What it would have told" }) : empty("It would have told nothing.");
  const more = steps.length > STEPS_SHOWN ? h("p", { class: "small" }, `The first ${count(STEPS_SHOWN)} of ${count(steps.length)}.`) : null;
  return [table(columns, both, { label: "As changed and in force" }), section("What it would have told", null, list), more];
}
