// The query API under /api/v1. Errors are problem details (RFC 9457) and say what was wrong where.

class Problem extends Error {
  constructor(status, title, detail) {
    super(`${title}: ${detail}`);
    Object.assign(this, { status, title, detail });
  }
}

export const pathOf = (model, rest = "") => `/api/v1/models/${encodeURIComponent(model)}${rest}`;

/** An empty value is left out, but for `slice`: there it means the whole population alone. */
export function queryOf(params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params ?? {})) if (value !== null && value !== undefined && (value !== "" || name === "slice")) query.set(name, value);
  const text = query.toString();
  return text ? `?${text}` : "";
}

async function answer(response) {
  const text = await response.text();
  let body = null;
  try { body = text ? JSON.parse(text) : null; } catch { throw new Problem(response.status, "Not understood", text.slice(0, 200)); }
  if (!response.ok) throw new Problem(response.status, body?.title ?? "Refused", body?.detail ?? response.statusText);
  return body;
}

async function reach(url, options) {
  try {
    return await fetch(url, { headers: { accept: "application/json" }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The monitor does not answer", "it may be restarting; this page asks again by itself");
  }
}

export const get = async (path, params, signal) => answer(await reach(path + queryOf(params), { signal }));

/** Pages of a list until its end or `most` items. */
export async function all(path, params, most = 10_000) {
  const items = [];
  let cursor = null;
  do {
    const part = await get(path, { limit: Math.min(most, 10_000), ...params, cursor });
    items.push(...part.items);
    cursor = part.next;
  } while (cursor && items.length < most);
  return items;
}

/** A text goes as it is: YAML, or JSON that somebody wrote. */
export const post = async (path, body) => {
  const [type, content] = typeof body === "string" ? ["application/yaml", body] : ["application/json", JSON.stringify(body)];
  return answer(await reach(path, { method: "POST", headers: { "content-type": type }, body: content }));
};

export const remove = async (path) => answer(await reach(path, { method: "DELETE" }));

/** Health is answered with 503 when it is bad, and is worth reading then. */
export async function health() {
  const response = await reach("/health/ready", {});
  return { ready: response.ok, ...(await response.json()) };
}
