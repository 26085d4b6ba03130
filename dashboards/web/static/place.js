// Where the reader is: all of a page's state is in its URL, so back undoes and a copied address shows the same picture.

const params = () => new URLSearchParams(location.search);

export const read = (name) => params().get(name);

/** The last part of the path: the model's name, the alert's fingerprint. */
export const segment = (index) => decodeURIComponent(location.pathname.split("/")[index + 1] ?? "");

/** An address of ours; a theme asked for by URL is kept. */
export function href(path, values = {}) {
  const query = new URLSearchParams();
  const theme = read("theme");
  for (const [name, value] of Object.entries({ ...values, theme })) if (value !== null && value !== undefined && value !== "") query.set(name, value);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export const modelHref = (model, values, rest = "") => href(`/models/${encodeURIComponent(model)}${rest}`, values);
export const alertHref = (fingerprint, values) => href(`/alerts/${encodeURIComponent(fingerprint)}`, values);

/** Change parts of the URL; null takes one away. A step of its own in the history unless `replace`. */
export function go(changes, { replace = false } = {}) {
  const here = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") here.searchParams.delete(name);
    else here.searchParams.set(name, value);
  }
  if (here.href === location.href) return;
  history[replace ? "replaceState" : "pushState"](null, "", here);
}

export const onBack = (draw) => addEventListener("popstate", draw);

/** Menu links keep the theme that the URL asked for. */
export function keepTheme() {
  if (!read("theme")) return;
  for (const link of document.querySelectorAll("header.top a")) link.href = href(link.getAttribute("href"));
}

/** Ask again every `seconds` while the page is looked at; not while the last answer is still awaited, lest a slow server get slower. */
export function everySeconds(seconds, draw) {
  let waiting = false;
  setInterval(async () => {
    if (document.hidden || waiting) return;
    waiting = true;
    try { await draw(); } finally { waiting = false; }
  }, seconds * 1000);
}
