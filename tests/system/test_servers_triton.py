"""A real Triton and its own clients, over HTTP and gRPC: records equal what they sent and received, bytes are untouched."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.gpu.fetching import fetch_page
from collectors.gpu.pages import read_page
from collectors.records.encoding import MAGIC, decode_batch
from collectors.records.types import ServerSample
from outrider.doctor.servers import Server, identify
from tests.system.services.environment import makeable, run_script
from tests.system.services.outrider import run
from tests.system.services.process import wait_until
from tests.system.services.tapped import Tapped, document, read_documents, tapped
from tests.system.services.triton import Triton, running_triton_models

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not makeable(), reason="needs Debian's Python: apt-get install python3 python3-venv"),
]

STATUS = {"StatusCode.NOT_FOUND": 404, "StatusCode.INVALID_ARGUMENT": 400, "404": 404, "400": 400, "in the stream": 500}
"""How the clients name what the records keep as HTTP's status."""

RAW = {"model": "half", "name": "x", "datatype": "FP32", "shape": [-1, 2]}
"""What a request that is nothing but bytes does not say itself."""


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    with running_triton_models(tmp_path_factory.mktemp("triton")) as server:
        yield server


def said_by(client: str, tap: Tapped) -> list[dict[str, Any]]:
    """What the client of one protocol sent and received, with statuses as records have them."""
    said = read_documents(run_script("triton", "triton_client", client, tap.address))
    return [each | {"status": STATUS.get(each["status"], each["status"])} for each in said]


def by_id(document: dict[str, Any]) -> str:
    return document["id"] or ""


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_records_are_what_tritonclient_sent_and_received(protocol: str, triton: Triton, tmp_path: Path) -> None:
    """JSON, binary, compressed and nothing but bytes; every datatype; refusals; decoupled streams with no, one and several answers."""
    with tapped(tmp_path, triton.address if protocol == "http" else triton.grpc, {"raw_inputs": [RAW]}) as tap:
        said = said_by(protocol, tap)
        found = tap.all_captured(len(said))
    records = [document(each) for each in found]
    # Streams answer in any order; everything else one after the other.
    assert sorted(records, key=by_id) == sorted(said, key=by_id)
    assert {each.captured_by for each in found} == {"tap"}
    assert {each.fidelity for each in found} == {"full"}
    assert all(each.duration_ns is not None and each.duration_ns > 0 for each in found)


def test_what_triton_says_it_did_becomes_samples(triton: Triton, tmp_path: Path) -> None:
    """Scraped beside the traffic: of each model as many inferences as it served, in intervals that meet."""
    page = f"http://{triton.metrics}/metrics"
    asked = {"gpu": {"nvml": False, "scrape": [page], "every_seconds": 1}, "raw_inputs": [RAW]}
    before = counted(fetch_page(page))
    with tapped(tmp_path, triton.address, asked) as tap:

        def samples() -> list[ServerSample]:
            batches = [decode_batch(each.body) for each in list(tap.sink.requests) if each.body.startswith(MAGIC)]
            return [record for batch in batches for record in batch.records if isinstance(record, ServerSample)]

        wait_until(lambda: bool(samples()), 60, "Triton is sampled")
        said_by("http", tap)
        grown = counted(fetch_page(page)) - before
        assert grown > 0

        def sampled() -> int:
            return sum(each.inferences or 0 for each in samples() if each.model == "echo")

        wait_until(lambda: sampled() == grown, 60, "what the model did is sampled")
    found = sorted((each for each in samples() if each.model == "echo"), key=lambda each: each.start_ns)
    assert {(each.server, each.address, each.version) for each in found} == {("triton", triton.metrics, "1")}
    assert all(a.end_ns == b.start_ns for a, b in itertools.pairwise(found))
    assert sum(each.busy_seconds or 0.0 for each in found) > 0


def counted(page: str) -> int:
    """How many inferences Triton says that the model echo has done."""
    _, servers = read_page(page, "triton")
    return sum(round(each.inferences or 0) for each in servers if each.model == "echo")


def test_doctor_finds_all_doors_and_shows_a_record(triton: Triton, tmp_path: Path) -> None:
    """HTTP, gRPC and metrics are told apart; a probe, made up or given, becomes the record that would be stored."""
    x = {"name": "i64", "shape": [1, 2], "datatype": "INT64", "data": [3, 4]}
    body = tmp_path / "request.json"
    body.write_text(json.dumps({"id": "probe", "inputs": [x], "outputs": [{"name": "o_i64"}]}))
    doors = [word for address in (triton.address, triton.grpc) for word in ("--upstream", address)]
    found = json.loads(run("doctor", *doors, "--probe", "echo", "--body", body, "--json"))
    http, grpc = found["servers"]
    for server, speaks in ((http, "Open Inference Protocol"), (grpc, "Open Inference Protocol over gRPC")):
        assert (server["speaks"], server["name"], server["captured"], server["ready"]) == (speaks, "triton", True, True)
    record = found["probe"]["record"]
    assert (record["id"], record["model"], record["version"]) == ("probe", "echo", "1")
    assert record["outputs"] == [{"name": "o_i64", "datatype": "INT64", "shape": [1, 2], "values": [3, 4]}]
    over_grpc = json.loads(run("doctor", "--upstream", triton.grpc, "--probe", "echo", "--json"))["probe"]["record"]
    assert (over_grpc["model"], over_grpc["version"], over_grpc["status"]) == ("echo", "1", 200)
    assert {t["name"]: t["values"] for t in over_grpc["outputs"]}["o_f16"] == [0.0]
    assert identify(triton.metrics) == Server(triton.metrics, "Triton's metrics")
