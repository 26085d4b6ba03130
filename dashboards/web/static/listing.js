// A table that may be long: searched, sorted by any column, and grown piece by piece, so that 5,000 lines stay usable.

import { h, put, tableBox } from "./dom.js";
import { count } from "./format.js";

const SHOWN = 20;
const SEARCH_FROM = 12;

/** Columns: {head, cell(item), by(item) for sorting, cls}. `text(item)` is what the search looks in; the order given is the first. */
export function listing(columns, items, { label, text, rowClass, shown = SHOWN, title } = {}) {
  let [wanted, sorted, upward, most] = ["", null, false, shown];
  const body = h("tbody", {});
  const foot = h("p", { class: "small", role: "status" });
  const heads = columns.map((column) => h("th", { scope: "col", class: column.cls === "num" ? "num" : null, title: column.title },
    column.by ? h("button", { type: "button", class: "sort", onclick: () => { upward = sorted === column ? !upward : column.cls !== "num"; sorted = column; draw(); } }, column.head) : column.head));
  const search = text && items.length >= SEARCH_FROM ? h("input", { type: "search", placeholder: "search", "aria-label": `Search in: ${label}`, oninput: (event) => { wanted = event.target.value.toLowerCase(); draw(); } }) : null;

  function found() {
    const list = wanted ? items.filter((item) => text(item).toLowerCase().includes(wanted)) : [...items];
    if (!sorted) return list;
    const way = upward ? 1 : -1;
    // What has no value comes last, whichever way.
    const order = (a, b) => (a === b ? 0 : a === null || a === undefined ? 1 : b === null || b === undefined ? -1 : typeof a === "string" ? way * a.localeCompare(b, "en", { numeric: true }) : way * (a - b));
    return list.sort((one, other) => order(sorted.by(one), sorted.by(other)));
  }

  function draw() {
    const list = found();
    heads.forEach((head, i) => { if (columns[i] === sorted) head.setAttribute("aria-sort", upward ? "ascending" : "descending"); else head.removeAttribute("aria-sort"); });
    put(body, list.slice(0, most).map((item) => h("tr", { class: rowClass?.(item) }, columns.map((column) => h("td", { class: column.cls }, column.cell(item))))));
    const rest = list.length - most;
    put(foot, list.length ? (rest > 0 ? [`${count(most)} of ${count(list.length)} `, h("button", { type: "button", onclick: () => { most += 5 * shown; draw(); } }, `${count(Math.min(rest, 5 * shown))} more`)] : items.length > shown ? count(list.length) : "") : "Nothing matches.");
  }
  draw();
  return h("div", {}, title || search ? h("div", { class: "controls" }, title ? h("h2", {}, title) : null, h("span", { class: "spring" }), search) : null,
    tableBox(h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, heads)), body)), foot);
}
