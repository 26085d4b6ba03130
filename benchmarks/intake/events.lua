-- wrk: halves of inferences as CloudEvents in binary mode, each exchange under an id of its own; one line of JSON at the end.
local asked = [[{"id": "0123456789abcdef", "inputs": [{"name": "x", "shape": [1, 20], "datatype": "FP32", "data":
  [0.5,1.25,2.5,3.75,4.5,5.25,6.5,7.75,8.5,9.25,10.5,11.75,12.5,13.25,14.5,15.75,16.5,17.25,18.5,19.75]}]}]]
local answered = [[{"model_name": "income", "outputs": [{"name": "p", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}]}]]
local run, count = os.getenv("RUN") or "0", 0
request = function()
  local is_request = count % 2 == 0
  local id = run .. "-" .. math.floor(count / 2)
  count = count + 1
  return wrk.format("POST", nil, {
    ["Content-Type"] = "application/json", ["ce-specversion"] = "1.0", ["ce-id"] = id, ["ce-source"] = "http://localhost:9081/",
    ["ce-type"] = "org.kubeflow.serving.inference." .. (is_request and "request" or "response"),
    ["ce-inferenceservicename"] = "income", ["ce-namespace"] = "shop", ["ce-component"] = "predictor", ["ce-endpoint"] = "default",
  }, is_request and asked or answered)
end
done = function(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('{"rps": %.1f, "errors": %d, "p50_us": %.1f, "p99_us": %.1f}\n',
    (summary.requests - errors.status) / (summary.duration / 1e6), errors.status + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
