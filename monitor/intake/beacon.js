// Tells an Outrider monitor what a model in this page was asked, what it said, and later what was true. An ES module:
//
//   import { beacon } from "https://monitor.example/api/v1/beacon/module.js";
//   const tell = beacon("https://monitor.example/api/v1/beacon", { model: "income", version: "3" });
//   const id = tell.predicted({ age: 41, city: "Ulm" }, { p: 0.7 });
//   tell.labelled(id, 1);
//
// Nothing waits for it, nothing is raised, and what is told when the page is left is sent by the browser.

const EVERY_MS = 5_000;
const WAITING_MAX = 500;
const MESSAGE_ITEMS_MAX = 100;
const MESSAGE_BYTES_MAX = 60_000; // below what browsers let a page have on its way

const bytes = (text) => new TextEncoder().encode(text).length;

/** A random id; `randomUUID` exists only on pages with TLS. */
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");

export function beacon(url, { model, version = "" }) {
  const waiting = [];
  let dropped = 0;
  let timer = 0;

  function keep(kind, item) {
    if (waiting.length >= WAITING_MAX) {
      dropped += 1;
      return false;
    }
    waiting.push([kind, item]);
    timer ||= setTimeout(flush, EVERY_MS);
    return true;
  }

  function message(items) {
    const of = (kind) => items.filter(([each]) => each === kind).map(([, item]) => item);
    return JSON.stringify({ predictions: of("prediction"), labels: of("label") });
  }

  /** Hands all that waits to the browser; false where it takes no more now. */
  function flush() {
    clearTimeout(timer);
    timer = 0;
    while (waiting.length) {
      let count = Math.min(waiting.length, MESSAGE_ITEMS_MAX);
      let text = message(waiting.slice(0, count));
      while (count > 1 && bytes(text) > MESSAGE_BYTES_MAX) {
        count = Math.ceil(count / 2);
        text = message(waiting.slice(0, count));
      }
      if (bytes(text) > MESSAGE_BYTES_MAX) {
        waiting.shift();
        dropped += 1;
      } else if (navigator.sendBeacon(url, text)) {
        waiting.splice(0, count);
      } else {
        timer = setTimeout(flush, EVERY_MS);
        return false;
      }
    }
    return true;
  }

  addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());

  return {
    /** One prediction: values by name. Returns its id, by which its label joins. */
    predicted(inputs, outputs, { id = newId(), durationMs = 0 } = {}) {
      keep("prediction", { model, version, id, inputs, outputs, duration_ms: durationMs });
      return id;
    },
    /** What was true of the prediction of this id. */
    labelled: (id, label) => keep("label", { model, id, label }),
    flush,
    /** How many were not taken: too many at once, or too large. */
    get dropped() {
      return dropped;
    },
  };
}
