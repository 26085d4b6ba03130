"""The doctor: what it recognises, what it calls a fault, and what a probe leaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import StartFailed
from outrider.doctor import connections
from outrider.doctor.servers import NOWHERE, identify, listening
from outrider.main import BAD_INPUT, DONE, main
from tests.certificates import Authority
from tests.scripted_http import Answer, Request, scripted_http

Routes = dict[str, tuple[int, object]]
OPEN_INFERENCE: Routes = {
    "GET /v2": (200, {"name": "triton", "version": "2.51.0", "extensions": ["binary_tensor_data"]}),
    "GET /v2/health/ready": (200, {}),
    "POST /v2/repository/index": (200, [{"name": "income", "state": "READY"}]),
    "GET /v2/models/income": (
        200,
        {
            "name": "income",
            "inputs": [
                {"name": "age", "datatype": "FP64", "shape": [-1, 1]},
                {"name": "sex", "datatype": "BYTES", "shape": [-1, 1]},
                {"name": "citizen", "datatype": "BOOL", "shape": [-1, 1]},
            ],
        },
    ),
}
Serve = Callable[[Routes], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that answer by a table, and answer an inference with the first of its inputs."""
    started: list[ThreadingHTTPServer] = []

    def start(routes: Routes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                asked = self.rfile.read(int(self.headers.get("content-length") or 0))
                known = routes.get(f"{self.command} {self.path.partition('?')[0]}", (404, {"error": "unknown"}))
                status, document = known if not callable(known[1]) else known[1](json.loads(asked))
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = respond  # noqa: N815  (the names that http.server calls)

            def log_message(self, format: str, *args: object) -> None:
                """Tests speak for themselves."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        started.append(server)
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def answered(request: dict[str, Any]) -> tuple[int, object]:
    first = request["inputs"][0]
    output = {"name": "p", "datatype": "FP64", "shape": first["shape"], "data": first["data"]}
    return 200, {"model_name": "income", "model_version": "3", "id": request.get("id", ""), "outputs": [output]}


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def states(document: dict[str, Any]) -> dict[str, str]:
    return {c["check"]: c["status"] for c in document["checks"]}


@pytest.mark.parametrize(
    ("routes", "speaks", "captured"),
    [
        (OPEN_INFERENCE, "Open Inference Protocol", True),
        ({"GET /v2/health/ready": (200, {})}, "Open Inference Protocol", True),
        ({"GET /v1/models": (200, {"models": ["income"]})}, "KServe v1", True),
        ({"GET /v1/models": (200, {"object": "list", "data": [{"id": "llama"}]})}, "OpenAI API", True),
        (
            {"GET /v1/models": (404, {"error": "Malformed request: GET /v1/models"})},
            "TensorFlow Serving REST",
            True,
        ),
        ({"GET /ping": (200, {"status": "Healthy"})}, "TorchServe", True),
        ({"GET /ping": (200, b""), "GET /invocations": (405, {})}, "SageMaker and MLflow invocations", True),
        ({"GET /seldon.json": (200, {"openapi": "3.0.0"})}, "Seldon v1", True),
        ({"GET /metrics": (200, b"nv_inference_count 1\n")}, "Triton's metrics", False),
        ({"GET /metrics": (200, b"outrider_tap_bytes_total 1\n")}, "Outrider sidecar's metrics", False),
        ({"GET /openapi.json": (200, {"info": {"title": "Outrider", "version": "1"}})}, "Outrider monitor", False),
    ],
)
def test_a_server_is_known_by_its_answers(serve: Serve, routes: Routes, speaks: str, captured: bool) -> None:
    """Each protocol by what only it answers, and whether we decode it."""
    found = identify(serve(routes))
    assert found is not None
    assert (found.speaks, found.captured) == (speaks, captured)


def test_the_maker_of_a_server_is_told_where_it_says_so(serve: Serve) -> None:
    """vLLM by the owner of its models, MLflow by its version."""
    vllm = {
        "GET /v1/models": (200, {"data": [{"id": "m", "owned_by": "vllm"}]}),
        "GET /version": (200, {"version": "1.2"}),
    }
    mlflow = {"GET /ping": (200, b""), "GET /invocations": (405, {}), "GET /version": (200, b"3.17.2")}
    found = [identify(serve(routes)) for routes in (vllm, mlflow)]
    assert [server and (server.name, server.version) for server in found] == [("vllm", "1.2"), ("mlflow", "3.17.2")]


def test_who_answers_anything_with_success_is_not_taken_at_its_word(serve: Serve) -> None:
    """As Triton's port for metrics does."""
    anything: Routes = {
        f"GET {path}": (200, b"") for path in ("/v2", "/v2/health/ready", NOWHERE, "/ping", "/invocations")
    }
    found = identify(serve(anything | {"GET /metrics": (200, b"nv_inference_count 1\n")}))
    assert found is not None
    assert found.speaks == "Triton's metrics"


def test_ping_alone_makes_no_server(serve: Serve) -> None:
    """Many answer it."""
    assert identify(serve({"GET /ping": (200, b"pong")})) is None


def test_a_probe_of_a_chat_is_made_up(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """A short one; what is shown has no texts in it."""

    def chat(request: dict[str, Any]) -> tuple[int, object]:
        message = {"role": "assistant", "content": "hello"}
        return 200, {"id": "c1", "model": request["model"], "choices": [{"message": message, "finish_reason": "stop"}]}

    models = {"GET /v1/models": (200, {"data": [{"id": "tiny"}]})}
    address = serve({**models, "POST /v1/chat/completions": (0, chat)})
    code, document = doctor(capsys, "--upstream", address, "--probe", "tiny")
    record = document["probe"]["record"]
    assert (code, record["model"], record["id"]) == (DONE, "tiny", "c1")
    assert "completion" not in {tensor["name"] for tensor in record["outputs"]}


def test_a_probe_of_a_protocol_that_tells_nothing_needs_a_body(
    serve: Serve, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It says so; given one, it is sent where that protocol takes it."""
    routes: Routes = {"GET /ping": (200, b""), "GET /invocations": (405, {})}
    address = serve(routes | {"POST /invocations": (200, {"predictions": [0.5]})})
    code, document = doctor(capsys, "--upstream", address, "--probe", "risk")
    assert (code, states(document)["probe"]) == (1, "failed")
    body = tmp_path / "rows.csv"
    body.write_text("age,income\n41,1.5\n")
    code, document = doctor(capsys, "--upstream", address, "--probe", "risk", "--body", str(body))
    assert (code, [t["name"] for t in document["probe"]["record"]["inputs"]]) == (DONE, ["age", "income"])


def test_a_stranger_is_nothing(serve: Serve) -> None:
    """A web server of another kind is not called an inference server, whatever its JSON."""
    assert identify(serve({"GET /": (200, b"hello"), "GET /v2": (200, [1]), "GET /v1/models": (200, [2])})) is None


def test_a_server_with_json_of_its_own_is_told_how_it_can_be_read(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no fault: bytes pass, and `json_routes` says where its values are."""
    code, document = doctor(capsys, "--upstream", serve({"POST /risk": (200, {"results": []})}))
    assert code == 0
    (found,) = document["checks"]
    assert found["status"] == "skipped" and "json_routes" in found["detail"]


def test_the_machine_tells_who_listens(tmp_path: Path) -> None:
    """Loopback and all addresses, IPv4 before IPv6; other states and other addresses are left out."""
    head = "  sl  local_address rem_address   st"
    lines = [
        "0: 0100007F:1F40 00000000:0000 0A",
        "1: 00000000:1F90 00000000:0000 0A",
        "2: 0100007F:1F41 0100007F:9999 01",
    ]
    (tmp_path / "tcp").write_text("\n".join([head, *lines, "3: 0500A8C0:0050 00000000:0000 0A"]))
    six = [f"0: {'0' * 32}:1F40 {'0' * 32}:0000 0A", f"1: {'0' * 32}:2328 {'0' * 32}:0000 0A"]
    (tmp_path / "tcp6").write_text("\n".join([head, *six]))
    assert listening(tmp_path) == ["127.0.0.1:8000", "127.0.0.1:8080", "[::1]:9000"]


def test_a_probe_shows_the_record_as_it_would_be_stored(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """Made of zeros by the model's metadata, decoded by our own pipeline from the bytes that passed."""
    address = serve(OPEN_INFERENCE | {"POST /v2/models/income/infer": (0, answered)})
    code, document = doctor(capsys, "--upstream", address, "--probe", "income")
    assert (code, states(document)["probe is captured"]) == (DONE, "ok")
    record = document["probe"]["record"]
    assert (record["model"], record["version"], record["rows"], record["status"]) == ("income", "3", 1, 200)
    assert {t["name"]: t["values"] for t in record["inputs"]} == {"age": [0.0], "sex": [""], "citizen": [0]}
    assert document["servers"][0]["models"] == ["income"]


def test_a_probe_that_is_refused_fails_and_says_the_server_s_words(
    serve: Serve, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit code 1; the exchange itself is captured with its error."""
    routes = OPEN_INFERENCE | {"POST /v2/models/income/infer": (400, {"error": "no such input"})}
    body = tmp_path / "probe.json"
    body.write_text('{"id": "mine", "inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]}]}')
    code, document = doctor(capsys, "--upstream", serve(routes), "--probe", "income", "--body", str(body))
    assert code == 1
    (served,) = (c for c in document["checks"] if c["check"] == "probe is served")
    assert served["detail"] == "status 400: no such input"


def test_a_probe_that_cannot_be_decoded_names_the_place(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """A server whose answer belies its shape: the reason and its path, as the sidecar counts it."""
    wrong = {"model_name": "income", "outputs": [{"name": "p", "datatype": "FP64", "shape": [2], "data": [1.0]}]}
    routes = OPEN_INFERENCE | {"POST /v2/models/income/infer": (200, wrong)}
    code, document = doctor(capsys, "--upstream", serve(routes), "--probe", "income")
    (captured,) = (c for c in document["checks"] if c["check"] == "probe is captured")
    assert (code, captured["status"]) == (1, "failed")
    assert "outputs[0]" in captured["detail"]


def test_nobody_there_is_a_failed_check(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its address and exit code 1, never a traceback."""
    code, document = doctor(
        capsys,
        "--upstream",
        "127.0.0.1:9",
        "--sidecar",
        "127.0.0.1:9",
        "--metrics",
        "127.0.0.1:9",
        "--monitor",
        "http://127.0.0.1:9",
    )
    assert code == 1
    assert set(states(document).values()) == {"failed"}


def test_a_sidecar_before_another_server_is_told(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """What the sidecar's port answers must be the server's own bytes."""
    other = OPEN_INFERENCE | {"GET /v2": (200, {"name": "mlserver", "extensions": []})}
    code, document = doctor(capsys, "--upstream", serve(OPEN_INFERENCE), "--sidecar", serve(other))
    assert code == 1
    assert states(document)["sidecar passes the server's bytes"] == "failed"


@pytest.mark.parametrize(
    ("series", "state"),
    [
        (b"outrider_sink_failed_attempts_total 3\noutrider_capture_queue_records 5\n", "failed"),
        (b"outrider_sink_failed_attempts_total 3\noutrider_capture_queue_records 0\n", "ok"),
    ],
)
def test_records_that_do_not_reach_the_monitor_are_told(
    serve: Serve, capsys: pytest.CaptureFixture[str], series: bytes, state: str
) -> None:
    """Failed attempts alone are the past; with records waiting and nothing delivered they are a fault."""
    routes: Routes = {"GET /health/live": (200, {}), "GET /health/ready": (200, {})}
    address = serve(routes | {"GET /metrics": (200, b"outrider_tap_bytes_total 1\n" + series)})
    _, document = doctor(capsys, "--metrics", address)
    assert states(document)["records reach the monitor"] == state


def test_a_monitor_tells_of_its_jobs_models_and_receivers(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that failed and a receiver that is away are faults; a missing baseline is a thing to do."""
    item = {"model": "income", "declared": True, "baseline": None}
    receivers = {"declaration": {"receivers": [{"webhook": "http://127.0.0.1:9/hook"}]}}
    address = serve(
        {
            "GET /health/ready": (200, {"status": "ok", "passes": 3, "errors": ["model income: disk full"]}),
            "GET /api/v1/models": (200, {"items": [item], "next": None}),
            "GET /api/v1/models/income": (200, receivers),
        }
    )
    code, document = doctor(capsys, "--monitor", f"http://{address}")
    found = states(document)
    assert code == 1
    assert (found["monitor"], found["monitor's jobs"], found["receiver of income"]) == ("ok", "failed", "failed")
    assert found["model income has a baseline"] == "skipped"


def test_a_configuration_file_names_what_to_check(
    serve: Serve, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A sidecar's file: its upstream, its own port, its spool's directory; a monitor's: its data and sinks."""
    upstream = serve(OPEN_INFERENCE)
    sidecar, monitor = tmp_path / "sidecar.yaml", tmp_path / "monitor.yaml"
    sidecar.write_text(f"listeners: [{{listen: '0.0.0.0:9', upstream: '{upstream}'}}]\nspool: {tmp_path / 'spool'}\n")
    monitor.write_text(
        f"data: {tmp_path / 'data'}\nelasticsearch_url: http://127.0.0.1:9\notlp_endpoint: http://{upstream}/v1/metrics\n"
    )
    code, document = doctor(capsys, "--config", str(sidecar), "--config", str(monitor))
    found = states(document)
    assert code == 1
    assert (found["spool"], found["upstream"], found["sidecar"]) == ("ok", "ok", "failed")
    assert (found["data"], found["elasticsearch_url"], found["otlp_endpoint"]) == ("ok", "failed", "ok")


@pytest.mark.parametrize(
    ("key", "state", "said"),
    [
        ("right", "ok", "version 8.19.0"),
        ("wrong", "failed", "does not take the API key in SOME_KEY"),
        (None, "failed", "SOME_KEY"),
    ],
)
def test_a_key_that_elasticsearch_does_not_take_is_a_fault(
    key: str | None,
    state: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is sent as the monitor sends it; a variable that is not set is told by its name."""
    monkeypatch.setenv("SOME_KEY", key) if key else monkeypatch.delenv("SOME_KEY", raising=False)

    def guarded(request: Request) -> Answer:
        known = request.headers.get("authorization") == "ApiKey right"
        return Answer(200, b'{"version": {"number": "8.19.0"}}') if known else Answer(401, b"{}")

    with scripted_http(guarded) as server:
        file = tmp_path / "monitor.yaml"
        file.write_text(f"data: {tmp_path}\nelasticsearch_url: {server.url}\nelasticsearch_api_key_env: SOME_KEY\n")
        _, document = doctor(capsys, "--config", str(file))
    found = next(check for check in document["checks"] if check["check"] == "elasticsearch_url")
    assert found["status"] == state and said in found["detail"]


def test_ports_that_are_watched_are_servers_here(
    serve: Serve, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a flag, or a sidecar's file; whether their packets can be seen takes a privilege."""
    asked: list[tuple[tuple[int, ...], int, str | None]] = []

    def refuse(ports: tuple[int, ...], ring_bytes: int, interface: str | None) -> None:
        asked.append((ports, ring_bytes, interface))
        raise StartFailed("passive", "takes CAP_NET_RAW")

    monkeypatch.setattr(connections, "open_packets", refuse)
    port = serve(OPEN_INFERENCE).rpartition(":")[2]
    file = tmp_path / "sidecar.yaml"
    watched = f"{{ports: [{port}], ring_bytes: 4194304, interface: lo}}"
    file.write_text(f"passive: {watched}\nspool: {tmp_path / 'spool'}\n")
    for arguments in (["--passive", port], ["--config", str(file)]):
        code, document = doctor(capsys, *arguments)
        found = states(document)
        assert (code, found["packets can be seen"], found["upstream"]) == (1, "failed", "ok")
        assert "sidecar" not in found
    assert asked == [((int(port),), 64 * 1024 * 1024, None), ((int(port),), 4194304, "lo")]


@pytest.mark.parametrize(("dropped", "state"), [(0, "ok"), (7, "failed")])
def test_packets_that_the_kernel_dropped_are_told(
    serve: Serve, capsys: pytest.CaptureFixture[str], dropped: int, state: str
) -> None:
    """Of a sidecar that watches; one that forwards has none."""
    series = f"outrider_tap_packets_total 100.0\noutrider_tap_dropped_packets_total {dropped}.0\n"
    routes: Routes = {"GET /health/live": (200, {}), "GET /health/ready": (200, {})}
    _, document = doctor(capsys, "--metrics", serve(routes | {"GET /metrics": (200, series.encode())}))
    found = states(document)
    assert (found["the kernel dropped no packet"], found["sidecar watches"]) == (state, "ok")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--upstream", "nowhere"],
        ["--upstream", "http://127.0.0.1:80"],
        ["--sidecar", "127.0.0.1:99999"],
        ["--monitor", "127.0.0.1:8090"],
        ["--monitor", "http://127.0.0.1:nine"],
        ["--body", "x.json"],
        ["--config", "/nonexistent.yaml"],
        ["--probe", "income", "--body", "/nonexistent.json", "--upstream", "127.0.0.1:9"],
    ],
)
def test_bad_usage_is_exit_code_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says where, before anything is asked of anybody."""
    assert main(["doctor", *arguments]) == BAD_INPUT
    captured = capsys.readouterr()
    assert (captured.out, len(captured.err.splitlines())) == ("", 1)


def test_the_plain_text_has_every_check_on_a_line(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """State, check, address and what was found, however narrow the terminal."""
    address = serve(OPEN_INFERENCE)
    assert main(["doctor", "--upstream", address]) == DONE
    assert (
        f"ok      upstream ({address}): Open Inference Protocol (triton 2.51.0), models: income"
        in capsys.readouterr().out
    )


def test_a_listener_with_a_certificate_is_asked_in_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither it nor a server that speaks TLS is called at fault for not answering in plain text."""
    signed = Authority(tmp_path).sign()
    tls = f"{{certificate: {signed.certificate}, key: {signed.key}, upstream: {{enabled: true}}}}"
    config = tmp_path / "sidecar.yaml"
    config.write_text(
        f"listeners: [{{listen: '127.0.0.1:1', upstream: '127.0.0.1:2', tls: {tls}}}]\nspool: {tmp_path}\n"
    )
    main(["doctor", "--config", str(config), "--json"])
    checks = {check["check"]: check["status"] for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["certificates"] == "ok"
    assert {"sidecar ends TLS", "upstream speaks TLS"} <= set(checks)
    assert not {"sidecar", "upstream"} & set(checks)
