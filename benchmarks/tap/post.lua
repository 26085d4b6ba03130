-- wrk: POST the body in the file BODY; one line of JSON at the end.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('{"rps": %.1f, "errors": %d, "p50_us": %.1f, "p99_us": %.1f}\n',
    summary.requests / (summary.duration / 1e6), errors.status + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
