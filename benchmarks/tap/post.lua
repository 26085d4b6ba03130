-- wrk: POST the body in the file BODY, with JSON_BYTES of it before binary data; one line of JSON at the end.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
if (os.getenv("JSON_BYTES") or "") ~= "" then
  wrk.headers["Inference-Header-Content-Length"] = os.getenv("JSON_BYTES")
else
  wrk.headers["Content-Type"] = "application/json"
end
done = function(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('{"rps": %.1f, "errors": %d, "p50_us": %.1f, "p99_us": %.1f}\n',
    (summary.requests - errors.status) / (summary.duration / 1e6), errors.status + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
