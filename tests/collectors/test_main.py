"""The sidecar as a whole: its processes may die in any order, and what was not seen is told."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap, Prediction
from collectors.spool import Spool

ROOT = Path(__file__).parents[2]
SECONDS = 30.0


class Model(socketserver.StreamRequestHandler):
    """Answers every request like an Open Inference server with one model."""

    def handle(self) -> None:
        while self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                if header.lower().startswith(b"content-length:"):
                    length = int(header.partition(b":")[2])
            self.rfile.read(length)
            tensor = {"name": "p", "shape": [1], "datatype": "FP64", "data": [0.5]}
            body = json.dumps({"model_name": "m", "model_version": "1", "outputs": [tensor]}).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.02)


class Sidecar:
    def __init__(self, directory: Path, upstream: int, config: str | None = None) -> None:
        self.listen, self.metrics = free_port(), free_port()
        self.directory = directory
        self.count = 0
        arguments = ["--listen", f"127.0.0.1:{self.listen}", "--upstream", f"127.0.0.1:{upstream}"]
        self.config = directory.with_suffix(".yaml")
        if config is not None:
            self.configure(config)
            arguments = ["--config", str(self.config)]
        arguments += ["--spool", str(directory), "--metrics", f"127.0.0.1:{self.metrics}"]
        with (directory.parent / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "outrider", "sidecar", *arguments],
                cwd="/",
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=log,
            )
        wait_until(lambda: self.get("/health/ready")[0] == 200)

    def configure(self, text: str) -> None:
        """Replace the file of settings; `LISTEN` in it stands for where the sidecar listens."""
        written = self.config.with_suffix(".new")
        written.write_text(text.replace("LISTEN", f"127.0.0.1:{self.listen}"))
        written.replace(self.config)

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def infer(self, times: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.listen, timeout=10)
        with contextlib.closing(connection):
            for _ in range(times):
                self.count += 1
                tensor = {"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1.5]}
                body = json.dumps({"id": f"r{self.count}", "inputs": [tensor]})
                connection.request("POST", "/v2/models/m/infer", body)
                assert connection.getresponse().read()

    def sample(self, name: str) -> float:
        found = re.findall(rf"^{name}(?:\{{[^\n]*\}})? (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return sum(map(float, found))

    def kill(self, module: str) -> None:
        for pid in self.children():
            if module in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)

    def children(self) -> list[int]:
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(12)

    def records(self) -> list[Prediction | Gap]:
        found: list[Prediction | Gap] = []
        after = 0
        with Spool.open(self.directory) as spool:
            while batches := spool.read(after, 1 << 24):
                for after, payload in batches:  # noqa: B007
                    found += [each for each in decode_batch(payload).records if isinstance(each, Prediction | Gap)]
        return found

    def spooled(self) -> tuple[list[str], list[Gap]]:
        records = self.records()
        ids = [record.id for record in records if isinstance(record, Prediction)]
        return ids, [record for record in records if isinstance(record, Gap)]


@pytest.fixture
def sidecar(tmp_path) -> Iterator[Sidecar]:
    server = Server(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    running = Sidecar(tmp_path / "spool", server.server_address[1])
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()
    server.shutdown()
    server.server_close()


def test_what_passes_is_spooled_and_counted(sidecar):
    """Without a monitor everything waits in the spool, across the end of the sidecar."""
    sidecar.infer(50)
    wait_until(lambda: sidecar.sample("outrider_capture_records_total") == 50)
    forwarded = sidecar.sample("outrider_tap_bytes_total")
    assert forwarded == sidecar.sample("outrider_tap_copied_bytes_total") > 0
    assert sidecar.stop() == 0
    assert sidecar.spooled() == ([f"r{number}" for number in range(1, 51)], [])


def test_its_first_line_says_between_whom_it_stands_and_where_records_go(sidecar):
    """Somebody who has just started it sees that it took what was meant."""
    (line,) = (sidecar.directory.parent / "log").read_text().splitlines()
    assert "INFO sidecar_started tap='127.0.0.1:" in line and f"127.0.0.1:{sidecar.listen} to 127.0.0.1:" in line
    assert f"sinks='none' spool='{sidecar.directory}' metrics='127.0.0.1:{sidecar.metrics}'" in line


def test_a_killed_worker_fails_nothing_and_is_accounted_for(sidecar):
    """Every inference is answered; what was not seen is in the gaps, to the exchange."""
    for _ in range(3):
        sidecar.infer(100)
        sidecar.kill("collectors.main")
        sidecar.infer(100)
        wait_until(lambda: sidecar.get("/health/ready")[0] == 200)
    assert sidecar.stop() == 0
    ids, gaps = sidecar.spooled()
    assert len(set(ids)) == len(ids)
    assert len(ids) + sum(gap.exchanges_estimated for gap in gaps) >= sidecar.count == 600


def test_counts_survive_the_death_of_every_child(sidecar):
    """They are in shared memory, not in a process."""
    sidecar.infer(30)
    wait_until(lambda: sidecar.sample("outrider_capture_records_total") == 30)
    sidecar.kill("collectors")
    wait_until(lambda: sidecar.sample("outrider_process_restarts_total") == 2)
    wait_until(lambda: sidecar.get("/health/ready")[0] == 200)
    sidecar.infer(30)
    wait_until(lambda: sidecar.sample("outrider_capture_records_total") == 60)
    assert sidecar.sample("outrider_tap_open_connections") == 0


def test_a_killed_supervisor_leaves_neither_the_port_nor_a_process_behind(sidecar):
    """Its children end by themselves, and put away what they have."""
    sidecar.infer(10)
    children = sidecar.children()
    sidecar.process.kill()
    sidecar.process.wait()

    def is_port_free() -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", sidecar.listen)) != 0

    wait_until(is_port_free, 3)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 10)
    assert len(sidecar.spooled()[0]) == 10


def test_what_cannot_be_had_is_bad_input(tmp_path):
    """One line that names the setting, and exit code 2: a port in use, a spool that is a file."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        for spool, where in ((str(tmp_path / "spool"), "listeners[0].listen"), (os.devnull, "spool")):
            command = [sys.executable, "-m", "outrider", "sidecar", "--listen", place, "--upstream", "127.0.0.1:9"]
            done = subprocess.run(
                [*command, "--spool", spool], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
            )
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(f"outrider sidecar: {where}: ")
            assert len(done.stderr.splitlines()) == 1
