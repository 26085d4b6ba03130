"""The sidecar with a certificate, real clients and servers on both sides; its policies and certificates change meanwhile."""

import json
import re
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
import msgspec
import pytest

from collectors.records.types import Prediction
from outrider.main import main
from tests.certificates import Authority, Signed
from tests.collectors.grpc_conversation import STREAM, UNARY
from tests.collectors.test_grpc import Client, question
from tests.collectors.test_grpc import Model as GrpcModel
from tests.collectors.test_main import Model, Server, Sidecar, wait_until

SECONDS = 20.0
LARGE_FLOATS = 3_000_000

TLS = "tls: {{certificate: '{0.certificate}', key: '{0.key}', upstream: {{enabled: {1}, ca: '{0.authority}', {2}}}}}"


@pytest.fixture(scope="module")
def signed(tmp_path_factory) -> Signed:
    return Authority(tmp_path_factory.mktemp("certificates")).sign()


class SecuredServer(Server):
    """The same model behind TLS."""

    def __init__(self, signed: Signed) -> None:
        super().__init__(("127.0.0.1", 0), Model)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(signed.certificate, signed.key)
        self._context.set_alpn_protocols(["http/1.1"])

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self._context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go without a farewell are none."""


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Sidecar]]:
    running: list[Sidecar] = []

    def sidecar(upstream: int, config: str, name: str = "spool") -> Sidecar:
        running.append(Sidecar(tmp_path / name, upstream, config))
        return running[-1]

    yield sidecar
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.fixture(params=["plain server", "server with TLS"])
def behind(request, signed) -> Iterator[tuple[int, str]]:
    """The port of a server, and what a listener before it is told of TLS."""
    again = request.param == "server with TLS"
    server = SecuredServer(signed) if again else Server(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], TLS.format(signed, str(again).lower(), "server_name: localhost")
    server.shutdown()
    server.server_close()


def listener(port: int, tls: str = "") -> str:
    return f"listeners: [{{listen: LISTEN, upstream: '127.0.0.1:{port}'{', ' + tls if tls else ''}}}]\n"


def ask(client: httpx.Client, url: str, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        tensor = {"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1.5]}
        answer = client.post(url, json={"id": f"r{number}", "inputs": [tensor]})
        assert answer.json()["outputs"][0]["data"] == [0.5]


def comparable(records: list[Any]) -> list[Any]:
    """Predictions without what differs between two runs of the same."""
    return [
        msgspec.structs.replace(each, exchange="", time_ns=0, duration_ns=0)
        for each in records
        if isinstance(each, Prediction)
    ]


def test_records_are_those_of_the_plain_way(start, signed, behind, tmp_path):
    """A real client of HTTP, small requests and one of twenty megabytes."""
    port, tls = behind
    with Server(("127.0.0.1", 0), Model) as plain_server:
        threading.Thread(target=plain_server.serve_forever, daemon=True).start()
        through_plain = start(plain_server.server_address[1], listener(plain_server.server_address[1]), "plain")
        secured = start(port, listener(port, tls))
        context = ssl.create_default_context(cafile=str(signed.authority))
        for sidecar, scheme in ((through_plain, "http"), (secured, "https")):
            with httpx.Client(verify=context, timeout=SECONDS) as client:
                url = f"{scheme}://localhost:{sidecar.listen}/v2/models/m/infer"
                ask(client, url, 20)
                body = {"id": "large", "inputs": [{"name": "y", "shape": [LARGE_FLOATS], "datatype": "FP32"}]}
                body["inputs"][0]["data"] = [0.125] * LARGE_FLOATS  # type: ignore[index]
                sent = json.dumps(body).encode()
                assert len(sent) > 20_000_000
                assert client.post(url, content=sent).json()["model_name"] == "m"
            wait_until(lambda: sidecar.sample("outrider_requests_total") == 21)  # noqa: B023
            assert sidecar.stop() == 0
        plain_server.shutdown()
    records, without = secured.records(), through_plain.records()
    assert len(comparable(records)) >= 20
    assert comparable(records)[:20] == comparable(without)[:20]


def test_grpc_passes_with_its_protocol_negotiated(start, signed):
    """A real client and a real server of gRPC, TLS on both sides: unary calls and a stream."""
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((GrpcModel(),))
    pair = (signed.key.read_bytes(), signed.certificate.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    sidecar = start(port, listener(port, TLS.format(signed, "true", "server_name: localhost")))
    trusted = grpc.ssl_channel_credentials(signed.authority.read_bytes())
    clients = []
    for at in (sidecar.listen, port):
        client = Client.__new__(Client)
        client.channel = grpc.secure_channel(f"localhost:{at}", trusted)
        client.unary, client.streaming = client.channel.unary_unary(UNARY), client.channel.stream_stream(STREAM)
        clients.append(client)
    through, direct = clients
    asked = [question(f"u{number}") for number in range(20)]
    assert [through.ask(each) for each in asked] == [direct.ask(each) for each in asked]
    conversation = [question(f"s{number}-{number % 4 + 1}") for number in range(8)]
    assert through.converse(conversation) == direct.converse(conversation)
    wait_until(lambda: sidecar.sample("outrider_requests_total") == 28)
    for client in clients:
        client.channel.close()
    server.stop(0).wait(SECONDS)
    assert sidecar.stop() == 0
    ids = sorted(record.id for record in comparable(sidecar.records()))
    assert len(ids) >= 28
    assert set(ids) >= {f"u{number}" for number in range(20)}


def test_a_renewed_certificate_is_shown_from_then_on(start, behind, signed, tmp_path):
    """On SIGHUP, without a restart and without ending a connection; a broken one is refused and the old one stays."""
    port, _ = behind
    files = tmp_path / "files"
    files.mkdir()
    own = Signed(files / "certificate", files / "key", signed.authority)
    own.certificate.write_bytes(signed.certificate.read_bytes())
    own.key.write_bytes(signed.key.read_bytes())
    is_secured = "true" if "enabled: true" in behind[1] else "false"
    sidecar = start(port, listener(port, TLS.format(own, is_secured, "server_name: localhost")))
    context = ssl.create_default_context(cafile=str(signed.authority))
    url = f"https://localhost:{sidecar.listen}/v2/models/m/infer"
    with httpx.Client(verify=context, timeout=SECONDS) as client:
        ask(client, url, 3)
        other = Authority(tmp_path, "other")
        renewed = other.sign()
        own.certificate.write_bytes(renewed.certificate.read_bytes())
        own.key.write_bytes(renewed.key.read_bytes())
        sidecar.process.send_signal(signal.SIGHUP)
        wait_until(lambda: sidecar.sample(r'outrider_tap_tls_certificate_loads_total\{result="applied"\}') >= 1)
        ask(client, url, 3, first=3)  # on the connection that stands
        with pytest.raises(httpx.ConnectError):
            httpx.post(url, verify=context, json={})
        assert httpx.post(url, verify=ssl.create_default_context(cafile=str(other.path)), json={}).status_code == 200
    assert sidecar.sample("outrider_process_restarts_total") == 0


def test_a_certificate_that_cannot_be_read_stops_the_start(tmp_path, signed, capsys):
    """With the place in the settings."""
    config = tmp_path / "sidecar.yaml"
    broken = Signed(tmp_path / "absent", signed.key, signed.authority)
    text = listener(9, TLS.format(broken, "false", "verify: true")).replace("LISTEN", "'127.0.0.1:1'")
    config.write_text(text)
    assert main(["sidecar", "--config", str(config), "--spool", str(tmp_path / "spool")]) == 2
    assert "listeners[0].tls: found No such file" in capsys.readouterr().err


def test_a_changed_policy_counts_from_the_next_exchange_on(start, behind):
    """No exchange is lost, none is treated by half of each; the policy in use is shown."""
    port, tls = behind
    before = listener(port, tls)
    sidecar = start(port, before)
    digest = policy_in_use(sidecar)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = f"https://localhost:{sidecar.listen}/v2/models/m/infer"
    with httpx.Client(verify=context, timeout=SECONDS) as client:
        ask(client, url, 10)
        wait_until(lambda: sidecar.sample("outrider_requests_total") == 10)
        sidecar.configure(before + "redaction_rules: [{name: x, action: drop}]\nids: [x-request-id]\n")
        sidecar.process.send_signal(signal.SIGHUP)
        wait_until(lambda: policy_in_use(sidecar) != digest)
        changed = policy_in_use(sidecar)
        ask(client, url, 10, first=10)
        wait_until(lambda: sidecar.sample("outrider_requests_total") == 20)
        sidecar.configure(before + "sampling_rate: seven\n")
        wait_until(lambda: sidecar.sample(r'outrider_sidecar_policy_reloads_total\{result="refused"\}') >= 1)
        health = json.loads(sidecar.get("/health/ready")[1])
        assert (health["ready"], health["policy"]["digest"]) == (True, changed)
        assert "sampling_rate" in health["policy"]["fault"]
        ask(client, url, 10, first=20)
        wait_until(lambda: sidecar.sample("outrider_capture_records_total") == 30)
    assert policy_in_use(sidecar) == changed
    assert sidecar.sample("outrider_process_restarts_total") == 0
    assert sidecar.stop() == 0
    predictions = comparable(sidecar.records())
    assert [bool(record.inputs) for record in predictions] == [True] * 10 + [False] * 20
    assert [record.id_source for record in predictions] == ["body"] * 10 + ["generated"] * 20


def policy_in_use(sidecar: Sidecar) -> str:
    found = re.findall(r'outrider_sidecar_policy_info\{hash="(\w+)"\} 1', sidecar.get("/metrics")[1])
    return str(found[0])


def test_readiness_does_not_depend_on_sinks(start):
    """The inference server must never be taken out of service because the monitor is away: not even one that hangs."""
    with Server(("127.0.0.1", 0), Model) as server, socket.socket() as hangs:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hangs.bind(("127.0.0.1", 0))
        hangs.listen()  # takes connections and never answers
        monitor = f"monitor: 'http://127.0.0.1:{hangs.getsockname()[1]}'\n"
        sidecar = start(server.server_address[1], listener(server.server_address[1]) + monitor)
        with httpx.Client(timeout=SECONDS) as client:
            for _ in range(3):
                ask(client, f"http://127.0.0.1:{sidecar.listen}/v2/models/m/infer", 5)
                wait_until(lambda: sidecar.sample("outrider_capture_queue_records") > 0)
                assert sidecar.get("/health/ready")[0] == sidecar.get("/health/live")[0] == 200
        assert sidecar.sample("outrider_request_errors_total") == 0
        server.shutdown()


def test_an_exchange_in_flight_has_as_long_as_the_settings_say(start):
    """And when that is over the sidecar ends all the same."""
    may_answer = threading.Event()
    asked = threading.Event()

    class Slow(Model):
        def handle(self) -> None:
            asked.set()
            may_answer.wait(SECONDS)
            super().handle()

    with Server(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sidecar = start(server.server_address[1], listener(server.server_address[1]) + "drain_seconds: 0.2\n")
        with ThreadPoolExecutor(1) as pool:
            url = f"http://127.0.0.1:{sidecar.listen}/v2/models/m/infer"
            answer = pool.submit(httpx.post, url, content=b"{}", timeout=SECONDS)
            assert asked.wait(SECONDS)
            assert sidecar.stop() == 0
            with pytest.raises(httpx.HTTPError):
                answer.result(SECONDS)
            may_answer.set()
        server.shutdown()
