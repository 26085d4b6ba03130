// Elements from values. Children are nodes or texts: nothing here parses HTML, so foreign names stay names.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** A chart: an SVG with a name for those who cannot see it. */
export const figure = (width, height, label, attributes, ...children) =>
  s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, ...attributes }, ...children);

export const put = (element, ...children) => {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

export const page = () => document.getElementById("page");

export const section = (title, caption, ...children) =>
  h("section", {}, h("h2", {}, title), caption ? h("p", { class: "cap" }, caption) : null, ...children);

/** A table behind a chart, or a list of its own. Columns: [heading, cell of item, class]. */
const widths = new ResizeObserver((entries) => { for (const { target } of entries) if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", "0"); else target.removeAttribute("tabindex"); });

/** A place for a table: where that is wider, it is moved by keyboard too; one that fits is no stop on the way. */
export function tableBox(content) {
  const place = h("div", { class: "tablebox" }, content);
  widths.observe(place);
  return place;
}

export const table = (columns, items, { rowClass, label } = {}) =>
  tableBox(
    h("table", { "aria-label": label },
      h("thead", {}, h("tr", {}, columns.map(([heading, , cls]) => (heading ? h("th", { scope: "col", class: cls === "num" ? "num" : null }, heading) : h("td", {}))))),
      h("tbody", {}, items.map((item) => h("tr", { class: rowClass?.(item) }, columns.map(([, cell, cls]) => h("td", { class: cls }, cell(item))))))));

export const empty = (...text) => h("p", { class: "empty" }, ...text);

export const problem = (error) =>
  h("div", { class: "error", role: "alert" }, h("b", {}, error.title ?? "This could not be shown"), " ", error.detail ?? error.message ?? String(error));

/** Draw `make()` into a place: first that it loads, then the result or what went wrong. A slow part blocks no other. */
export async function load(place, make) {
  if (!place.hasChildNodes()) put(place, h("p", { class: "loading" }, "Loading …"));
  // What was there stays until the answer has come: a page that is live does not flicker.
  place.setAttribute("aria-busy", "true");
  try {
    put(place, await make());
  } catch (error) {
    if (error.name === "AbortError") return;
    put(place, problem(error));
    if (!(error.status >= 400)) console.error(error);
  } finally {
    place.removeAttribute("aria-busy");
  }
}

/** A part of the page that is folded and drawn when it is opened. */
export function folded(name, title, make, { open, onToggle }) {
  const before = document.getElementById(`part-${name}`)?.lastElementChild;
  const body = h("div", {}, open && before?.tagName === "DIV" ? [...before.childNodes] : null);
  let drawn = false;
  const draw = () => { if (!drawn) { drawn = true; load(body, make); } };
  const details = h("details", { class: "more", id: `part-${name}`, open, ontoggle: () => {
    if (details.open) draw();
    if (details.open !== open) { open = details.open; onToggle(details.open); }
  } }, h("summary", {}, title), body);
  if (open) draw();
  return details;
}

/** Text with a button that copies it. Where the clipboard is closed (plain HTTP), the text is selected instead. */
export function copyable(text, label) {
  const shown = h("pre", { tabindex: 0 }, text);
  const button = h("button", { type: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(shown);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = label; }, 2_000);
  } }, label);
  return h("div", { class: "copyable" }, shown, button);
}
