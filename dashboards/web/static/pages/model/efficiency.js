// Energy and cost of the windows in view: known, known in part, or unknown with its reason; never a 0 that nobody measured.

import { get, pathOf } from "../../api.js";
import { empty, h, table } from "../../dom.js";
import { count, duration, moment, number, percent } from "../../format.js";

const WINDOWS_SHOWN = 60;

const REASONS = {
  mig: "the device is cut into parts (MIG)", shared_by_processes: "other processes use the device too", several_sidecars: "several sidecars tell of the device",
  busy_time_not_told: "the server does not say how long each model computed", device_not_told: "the server does not say which device it uses", energy_not_told: "the device tells no energy",
  no_gpu_samples: "no device was sampled", no_server_metrics: "no metrics page told of this model", no_telemetry: "nothing was sampled",
};

const inWords = (reason) => REASONS[reason] ?? reason;

function why(item) {
  const unknown = Object.entries(item.unknown_seconds).map(([reason, seconds]) => `${duration(seconds * 1000)} unknown: ${inWords(reason)}`);
  const said = item.state === "unknown" ? [inWords(item.reason)] : [...unknown, item.rules.includes("busy_time") ? "shared by busy time" : null, item.sharing_told ? null : "taken to be alone on its devices", item.energy_from === "power" ? "energy from power" : null];
  return [...said, item.throttled.length ? `clocks held down: ${item.throttled.join(", ")}` : null, item.xids.length ? `driver errors: XID ${item.xids.join(", ")}` : null].filter(Boolean).join("; ");
}

export async function efficiency(data) {
  const { from, to, version, rule } = data.scope;
  const { items } = await get(pathOf(data.name, "/efficiency"), { from, to, version, rule, limit: WINDOWS_SHOWN, newest_first: true });
  if (!items.some((item) => item.reason !== "no_telemetry")) return empty("No sidecar of this model samples its GPU and server: see ", h("code", {}, "gpu:"), " in the sidecar's settings.");
  const priced = items.some((item) => item.cost !== null);
  const money = (value) => (value === null ? "" : number(value, 3));
  const unit = items.find((item) => item.currency)?.currency ?? "";
  return table([
    ["window, UTC", (i) => moment(i.start), "when"], ["version", (i) => i.version ?? ""], ["joules a prediction", (i) => (i.joules_per_prediction === null ? "unknown" : number(i.joules_per_prediction)), "num"],
    ...(priced ? [[`${unit} a prediction`, (i) => money(i.cost_per_prediction), "num"], [unit || "cost", (i) => money(i.cost), "num"]] : []),
    ["joules", (i) => (i.joules === null ? "" : number(i.joules)), "num"], ["predictions", (i) => count(i.predictions), "num"], ["device time", (i) => (i.gpu_seconds === null ? "" : duration(i.gpu_seconds * 1000)), "num"],
    ["utilisation", (i) => (i.utilization === null ? "" : percent(i.utilization)), "num"], ["watts", (i) => (i.watts === null ? "" : number(i.watts)), "num"], ["", why, "wrap small"],
  ], items, { label: "Energy and cost of windows" });
}
