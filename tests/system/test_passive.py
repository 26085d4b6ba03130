"""The passive tap on real packets: what it records is what a forwarder records, and nobody notices that it is there."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap, Prediction, Record
from collectors.spool import Spool
from collectors.tap.passive.packet_ring import BLOCK_BYTES, PacketRing, open_socket
from collectors.tap.passive.packets import read_packet
from tests.certificates import Authority
from tests.collectors.test_grpc import Client, Model, question
from tests.scripted_http import Answer, Request, scripted_http
from tests.system.services.outrider import Sidecar, outrider, running_passive, running_sidecar, sample, text
from tests.system.services.process import answers, free_port, running_process, wait_until

pytestmark = pytest.mark.system

SECONDS = 60.0
MIB = 1024 * 1024
SERVER_SCRIPT = Path(__file__).parent / "services" / "scripts" / "model_server.py"
OF_THE_WAY_THERE = ("exchange", "time_ns", "duration_ns", "captured_by")
"""Fields in which two taps on the same traffic differ."""


def infer_server(request: Request) -> Answer:
    """An Open Inference server; an input named `bad` is refused."""
    if request.method == "GET":
        return Answer(200, b"{}")
    asked = json.loads(request.body)
    if asked["inputs"][0]["name"] == "bad":
        return Answer(400, b'{"error": "unexpected input bad"}')
    output = {"name": "p", "shape": asked["inputs"][0]["shape"], "datatype": "FP64", "data": asked["inputs"][0]["data"]}
    return Answer(200, json.dumps({"model_name": "m", "id": asked["id"], "outputs": [output]}).encode())


def body(id: str, values: list[float], *, name: str = "x") -> bytes:
    return json.dumps(
        {"id": id, "inputs": [{"name": name, "shape": [1, len(values)], "datatype": "FP64", "data": values}]}
    ).encode()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def port_of_socket(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def records_of(folder: Path) -> list[Record]:
    """What a sidecar that has ended left in its spool."""
    found: list[Record] = []
    after = 0
    with Spool.open(folder / "spool") as spool:
        while batches := spool.read(after, 1 << 24):
            for after, payload in batches:  # noqa: B007
                found += decode_batch(payload).records
    return found


def predictions(folder: Path) -> list[Prediction]:
    return [record for record in records_of(folder) if isinstance(record, Prediction)]


def gaps(folder: Path) -> dict[str, list[Gap]]:
    found: dict[str, list[Gap]] = {}
    for record in records_of(folder):
        if isinstance(record, Gap):
            found.setdefault(record.reason, []).append(record)
    return found


def facts(records: list[Prediction]) -> list[dict[str, object]]:
    """Records without what tells one tap from another."""
    return [
        {name: getattr(record, name) for name in record.__struct_fields__ if name not in OF_THE_WAY_THERE}
        for record in sorted(records, key=lambda each: (each.id, each.time_ns))
    ]


def child(sidecar: Sidecar, module: str) -> int:
    """The process id of one of the sidecar's children."""
    pid = sidecar.process.pid
    for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if module in Path(f"/proc/{found}/cmdline").read_text():
            return int(found)
    raise AssertionError(f"no child runs {module}")


def captured(sidecar: Sidecar) -> float:
    return sidecar.sample("outrider_capture_exchanges_total", outcome="captured")


def balanced(sidecar: Sidecar) -> bool:
    """The law of the first stage, in one scrape: what passed was copied, or not copied for a reason."""
    exposition = text(f"{sidecar.metrics_url}/metrics")
    passed, copied, uncopied = (
        sample(exposition, f"outrider_tap_{n}bytes_total") for n in ("", "copied_", "uncopied_")
    )
    connections, whole, partly = (
        sample(exposition, f"outrider_tap_{n}_connections_total") for n in ("forwarded", "copied", "uncopied")
    )
    still = sample(exposition, "outrider_tap_open_connections")
    return passed == copied + uncopied and connections == whole + partly + still


def assert_balanced(sidecar: Sidecar) -> None:
    """A scrape may come between two counts of one step, so one of several must add up."""
    wait_until(lambda: balanced(sidecar), SECONDS, "the account adds up")


def ask(connection: http.client.HTTPConnection, id: str, values: list[float], name: str = "x") -> int:
    """One inference; its answer is looked at."""
    connection.request("POST", "/v2/models/m/infer", body(id, values, name=name))
    answer = connection.getresponse()
    told = json.loads(answer.read())
    assert answer.status != 200 or told["outputs"][0]["data"] == values
    return answer.status


@pytest.fixture
def server() -> Iterator[int]:
    with scripted_http(infer_server) as running:
        yield port_of(running.url)


def converse(port: int) -> int:
    """Traffic of many kinds on several connections; returns how many inferences it held."""
    rng = np.random.default_rng(5)
    count = 0
    for client in range(4):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
            for number in range(10):
                values = rng.normal(size=20_000 if number == 5 else 4).tolist()
                assert ask(connection, f"c{client}-{number}", values) == 200
            assert ask(connection, f"c{client}-bad", [1.0], name="bad") == 400
            connection.request("GET", "/metrics")
            assert connection.getresponse().read()
            pieces = iter([body(f"c{client}-pieces", [1.0, 2.0])[:40], body(f"c{client}-pieces", [1.0, 2.0])[40:]])
            connection.request(
                "POST",
                "/v2/models/m/infer",
                pieces,
                {"Content-Length": str(len(body(f"c{client}-pieces", [1.0, 2.0])))},
            )
            assert connection.getresponse().read()
            count += 12
    pipelined = b"".join(
        b"POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(one), one)
        for one in (body(f"pipelined-{number}", [float(number)]) for number in range(5))
    )
    with socket.create_connection(("127.0.0.1", port), SECONDS) as raw:
        raw.sendall(pipelined)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65_536):
            pass
    return count + 5


def test_it_records_what_a_forwarder_records(server: int, tmp_path: Path) -> None:
    """The same traffic on loopback through a forwarder and past a watcher: equal records, nothing lost, nothing twice."""
    with (
        running_passive(tmp_path / "passive", [server]) as passive,
        running_sidecar(tmp_path / "forwarder", f"127.0.0.1:{server}", "http://127.0.0.1:9") as forwarder,
    ):
        count = converse(forwarder.port)
        for sidecar in (passive, forwarder):
            wait_until(lambda sidecar=sidecar: captured(sidecar) >= count, SECONDS, "everything is captured")
        assert captured(passive) == captured(forwarder) == count
        assert passive.sample("outrider_tap_bytes_total") == forwarder.sample("outrider_tap_bytes_total")
        assert_balanced(passive)
    watched, forwarded = predictions(tmp_path / "passive"), predictions(tmp_path / "forwarder")
    assert facts(watched) == facts(forwarded)
    assert {record.captured_by for record in watched} == {"passive"}
    assert gaps(tmp_path / "passive") == {}
    for one, other in zip(*(sorted(each, key=lambda r: r.id) for each in (watched, forwarded)), strict=True):
        assert abs(one.time_ns - other.time_ns) < SECONDS * 1e9


def test_grpc_is_recorded_as_a_forwarder_does(tmp_path: Path) -> None:
    """Unary calls, refused ones, large ones and streams of several answers, over HTTP/2."""
    running = grpc.server(ThreadPoolExecutor(8))
    running.add_generic_rpc_handlers((Model(),))
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    try:
        with (
            running_passive(tmp_path / "passive", [port]) as passive,
            running_sidecar(tmp_path / "forwarder", f"127.0.0.1:{port}", "http://127.0.0.1:9") as forwarder,
        ):
            client = Client(forwarder.port)
            for number in range(20):
                assert client.ask(question(f"u{number}"))[0] is not None
            client.ask(question("bad", name="bad"))
            client.ask(question("big", rows=400, columns=500))
            assert len(client.converse([question("s-3"), question("t-2")])) == 5
            client.channel.close()
            wait_until(lambda: captured(forwarder) >= 24, SECONDS, "the forwarder has captured everything")
            wait_until(lambda: captured(passive) >= 24, SECONDS, "the watcher has captured everything")
            assert_balanced(passive)
    finally:
        running.stop(0).wait(SECONDS)
    watched, forwarded = predictions(tmp_path / "passive"), predictions(tmp_path / "forwarder")
    assert len(watched) == 24
    assert facts(watched) == facts(forwarded)


@contextmanager
def namespace() -> Iterator[tuple[list[str], str, str, str]]:
    """A network namespace behind a pair of interfaces: what runs a command in it, its interface, and its addresses."""
    name = f"outrider-{secrets.token_hex(3)}"
    number = secrets.randbelow(250)
    here, there = f"o{name[-6:]}a", f"o{name[-6:]}b"

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, timeout=SECONDS)

    inside = ["netns", "exec", name, "ip"]
    ip("netns", "add", name)
    try:
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        ip("address", "add", f"10.213.{number}.1/24", "dev", here)
        ip("address", "add", f"fd00:213:{number}::1/64", "dev", here, "nodad")
        ip(*inside, "address", "add", f"10.213.{number}.2/24", "dev", there)
        ip(*inside, "address", "add", f"fd00:213:{number}::2/64", "dev", there, "nodad")
        ip("link", "set", here, "up")
        for interface in ("lo", there):
            ip(*inside, "link", "set", interface, "up")
        yield ["ip", "netns", "exec", name], there, f"10.213.{number}.2", f"fd00:213:{number}::2"
    finally:
        ip("netns", "delete", name)


@pytest.mark.parametrize("only_there", [False, True])
def test_in_a_servers_own_network_namespace(tmp_path: Path, only_there: bool) -> None:
    """As beside a container: clients come over an interface, of IPv4 and IPv6, in packets larger than any link carries.

    Both directions are seen where that interface alone is watched.
    """
    (tmp_path / "server").mkdir()
    port = free_port()
    with namespace() as (prefix, interface, four, six):
        settings = {"passive": {"interface": interface}} if only_there else None
        command = [*prefix, sys.executable, str(SERVER_SCRIPT), str(port)]
        with (
            running_process(command, tmp_path / "server", lambda log: answers(f"http://{four}:{port}/")),
            running_passive(tmp_path / "passive", [port], settings, prefix=prefix, host=four) as passive,
        ):
            sent = {}
            for version, host in (("four", four), ("six", six)):
                with closing(http.client.HTTPConnection(host, port, timeout=SECONDS)) as connection:
                    for number, rows in enumerate((1, 1, 5000, 3, 20_000)):
                        id = f"{'chunked' if number % 2 else 'whole'}-{version}-{number}"
                        data = [float(number + place % 7) for place in range(rows * 4)]
                        asked = {
                            "id": id,
                            "inputs": [{"name": "x", "shape": [rows, 4], "datatype": "FP64", "data": data}],
                        }
                        connection.request("POST", "/v2/models/m/infer", json.dumps(asked))
                        assert connection.getresponse().read()
                        sent[id] = (rows, np.asarray(data).tobytes())
            wait_until(lambda: captured(passive) >= len(sent), SECONDS, "everything is captured")
            assert_balanced(passive)
    found = predictions(tmp_path / "passive")
    assert {record.id: (record.rows, bytes(record.inputs[0].data)) for record in found} == sent
    assert all(np.frombuffer(record.outputs[0].data).size == record.rows for record in found)
    assert gaps(tmp_path / "passive") == {}


@pytest.mark.parametrize("settings", [None, {"passive": {"interface": "lo"}}])
def test_a_connection_older_than_the_sidecar_is_read_from_its_next_request(
    server: int, tmp_path: Path, settings: dict[str, object] | None
) -> None:
    """Attaching needs nobody to reconnect; what goes out on loopback need not be offered to be seen."""
    with closing(http.client.HTTPConnection("127.0.0.1", server, timeout=SECONDS)) as connection:
        ask(connection, "before", [1.0])
        with running_passive(tmp_path, [server], settings) as passive:
            for number in range(3):
                ask(connection, f"after-{number}", [2.0])
            wait_until(lambda: captured(passive) >= 3, SECONDS, "what comes after is captured")
            assert passive.sample("outrider_tap_midway_connections_total") == 1
    assert sorted(record.id for record in predictions(tmp_path)) == ["after-0", "after-1", "after-2"]


class Traffic(threading.Thread):
    """Asks over one connection until told to stop; an answer that is not the server's fails the test."""

    def __init__(self, port: int, size: int) -> None:
        super().__init__(daemon=True)
        self.port, self.size = port, size
        self.count = 0
        self.failed: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)) as connection:
                while not self.stopping.is_set():
                    values = [float(self.count)] * self.size
                    if ask(connection, f"t{self.port}-{id(self)}-{self.count}", values) != 200:
                        self.failed.append("refused")
                    self.count += 1
        except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
            self.failed.append(repr(error))

    def __enter__(self) -> Traffic:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.join(SECONDS)
        assert not self.failed

    def go_on(self, more: int) -> None:
        goal = self.count + more
        wait_until(lambda: self.count >= goal or bool(self.failed), SECONDS, "the server answers")


def test_packets_that_nobody_reads_are_dropped_and_counted(server: int, tmp_path: Path) -> None:
    """A stopped watcher: the kernel's ring runs full, inferences go on, and what was lost is told when it wakes."""
    settings = {"passive": {"ring_bytes": 4 * MIB}}
    with running_passive(tmp_path, [server], settings) as passive, Traffic(server, 2000) as traffic:
        wait_until(lambda: captured(passive) > 0, SECONDS, "something is captured")
        watcher = child(passive, "watcher")
        os.kill(watcher, signal.SIGSTOP)
        try:
            traffic.go_on(300)
        finally:
            os.kill(watcher, signal.SIGCONT)
        wait_until(lambda: passive.sample("outrider_tap_dropped_packets_total") > 0, SECONDS, "drops are counted")
        before = captured(passive)
        wait_until(lambda: captured(passive) > before + 20, SECONDS, "capture goes on")
        assert passive.sample("outrider_tap_uncopied_bytes_total", reason="packets_missed") > 0
        traffic.stopping.set()
        traffic.join(SECONDS)
        wait_until(lambda: passive.sample("outrider_tap_open_connections") == 0, SECONDS, "the end is seen")
        assert_balanced(passive)
        missed = passive.sample("outrider_tap_uncopied_bytes_total")
    told = gaps(tmp_path)
    assert {"packets_dropped", "not_copied"} <= set(told)
    assert sum(gap.bytes for gap in told["not_copied"]) == missed
    assert all(gap.start_ns < gap.end_ns for gap in told["packets_dropped"])
    for record in predictions(tmp_path):
        assert record.inputs[0].data == record.outputs[0].data


def test_a_stopped_worker_costs_bytes_and_no_inference(server: int, tmp_path: Path) -> None:
    """The memory between watcher and worker runs full: counted by that reason, and capture goes on when it wakes."""
    with running_passive(tmp_path, [server], {"ring_bytes": 4 * MIB}) as passive, Traffic(server, 2000) as traffic:
        wait_until(lambda: captured(passive) > 0, SECONDS, "something is captured")
        worker = child(passive, "collectors.main")
        os.kill(worker, signal.SIGSTOP)
        try:
            wait_until(
                lambda: passive.sample("outrider_tap_uncopied_bytes_total", reason="queue_full") > 0,
                SECONDS,
                "the memory runs full",
            )
            assert_balanced(passive)
            traffic.go_on(20)
        finally:
            os.kill(worker, signal.SIGCONT)
        before = captured(passive)
        wait_until(lambda: captured(passive) > before + 20, SECONDS, "capture goes on")
    assert sum(gap.bytes for gap in gaps(tmp_path)["not_copied"]) > 0


def test_a_killed_watcher_is_replaced_and_nobody_notices(server: int, tmp_path: Path) -> None:
    """No inference fails; the connection goes on being captured; what was in flight is told."""
    with running_passive(tmp_path, [server]) as passive, Traffic(server, 10) as traffic:
        wait_until(lambda: captured(passive) > 20, SECONDS, "something is captured")
        for kills in range(1, 4):
            os.kill(child(passive, "watcher"), signal.SIGKILL)
            wait_until(
                lambda kills=kills: passive.sample("outrider_tap_midway_connections_total") == kills,
                SECONDS,
                "a successor has met the connection",
            )
            traffic.go_on(50)
        before = captured(passive)
        wait_until(lambda: captured(passive) > before + 20, SECONDS, "capture goes on")
        assert passive.sample("outrider_process_restarts_total", process="watcher") == 3
        assert passive.sample("outrider_tap_uncopied_connections_total", reason="watcher_killed") == 3
    assert len(gaps(tmp_path)["watcher_killed"]) == 3
    found = predictions(tmp_path)
    assert len({record.id for record in found}) == len(found)
    for record in found:
        assert record.inputs[0].data == record.outputs[0].data


def test_a_successor_goes_on_in_the_kernels_ring_where_its_predecessor_was() -> None:
    """No block is read twice, whether it was given back or not, and none is left out, all the way round the ring."""
    ring_bytes = 8 * BLOCK_BYTES
    seen = []
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        closing(open_socket([port_of_socket(listener)], ring_bytes)) as packets,
        socket.create_connection(listener.getsockname(), SECONDS) as client,
        listener.accept()[0] as server,
    ):
        for number in range(20):
            client.sendall(b"%04d" % number)
            assert server.recv(4) == b"%04d" % number
            ring = PacketRing(packets, ring_bytes, number)
            wait_until(lambda ring=ring: ring.ready, SECONDS, "the kernel hands over a block")
            for packet in ring.read():
                found = read_packet(packet.bytes, packet.wire_bytes)
                assert packet.vouched
                if found is not None and found.length:
                    seen.append(bytes(found.payload))
            if number % 2:
                ring.give_back()
            del ring
    assert seen == [b"%04d" % number for number in range(20)]


def test_traffic_that_is_encrypted_is_counted_and_not_copied(tmp_path: Path) -> None:
    """Packets of TLS say nothing to anybody."""
    signed = Authority(tmp_path).sign()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    trusting = ssl.create_default_context(cafile=str(signed.authority))

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as encrypted:
            encrypted.sendall(encrypted.recv(100))

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        running_passive(tmp_path / "p", [port_of_socket(listener)]) as passive,
    ):
        answering = threading.Thread(target=serve, args=[listener], daemon=True)
        answering.start()
        with (
            socket.create_connection(listener.getsockname(), SECONDS) as plain,
            trusting.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(b"secret")
            assert client.recv(100) == b"secret"
        answering.join(SECONDS)
        wait_until(
            lambda: passive.sample("outrider_tap_connections_total", protocol="opaque") == 1, SECONDS, "it is seen"
        )
        wait_until(lambda: passive.sample("outrider_tap_open_connections") == 0, SECONDS, "its end is seen")
        assert passive.sample("outrider_tap_uncopied_bytes_total", reason="tls") > 500
        assert_balanced(passive)
    assert predictions(tmp_path / "p") == []


def test_without_the_privilege_it_says_what_is_needed(tmp_path: Path) -> None:
    """One line and exit code 2, before anything is started."""

    def give_up_packets() -> None:
        drop_from_bounding_set, net_raw = 24, 13
        ctypes.CDLL(None, use_errno=True).prctl(drop_from_bounding_set, net_raw, 0, 0, 0)

    done = subprocess.run(
        outrider("sidecar", "--passive", 8000, "--spool", tmp_path / "spool"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=give_up_packets,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "CAP_NET_RAW" in done.stderr
