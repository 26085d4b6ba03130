"""KServe's own Python server and its own clients, in both protocols: records equal what they sent and received."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.services.environment import makeable, run_script
from tests.system.services.kserve import MODEL, KServe, running_kserve
from tests.system.services.outrider import run
from tests.system.services.tapped import document, read_documents, tapped

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not makeable(), reason="needs Debian's Python: apt-get install python3 python3-venv"),
]


@pytest.fixture(scope="module")
def kserve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KServe]:
    with running_kserve(tmp_path_factory.mktemp("kserve")) as server:
        yield server


@pytest.mark.parametrize("protocol", ["v1", "v2", "grpc"])
def test_records_are_what_the_client_sent_and_received(protocol: str, kserve: KServe, tmp_path: Path) -> None:
    """Rows, frames and CloudEvents of V1; JSON and binary tensors of V2; raw and typed messages; and refusals."""
    with tapped(tmp_path, kserve.grpc if protocol == "grpc" else kserve.http) as tap:
        output = run_script("kserve", "kserve_client", protocol, tap.address)
        said = [
            each | {"status": {"NOT_FOUND": 404}.get(each["status"], each["status"])} for each in read_documents(output)
        ]
        found = tap.wait_for(len(said))
        tap.assert_nothing_changed()
        assert tap.outcomes() == {"captured": len(said), "undecodable": 0, "dropped": 0, "sampled_out": 0}
    assert [document(each) for each in found] == said
    assert {each.fidelity for each in found} == {"full"}


def test_doctor_finds_both_doors_and_shows_a_record(kserve: KServe, tmp_path: Path) -> None:
    """A probe of its own body, because the model declares no inputs."""
    x = {"name": "x", "shape": [2], "datatype": "INT64", "data": [3, 4]}
    body = tmp_path / "request.json"
    body.write_text(json.dumps({"id": "probe", "inputs": [x]}))
    options = ["--upstream", kserve.http, "--upstream", kserve.grpc, "--probe", MODEL, "--body", body, "--json"]
    found = json.loads(run("doctor", *options))
    http, grpc = found["servers"]
    assert (http["speaks"], http["name"], http["version"]) == ("Open Inference Protocol", "kserve", "0.21.0")
    assert (http["models"], http["captured"], http["ready"]) == ([MODEL], True, True)
    assert (grpc["speaks"], grpc["captured"], grpc["ready"]) == ("Open Inference Protocol over gRPC", True, True)
    record = found["probe"]["record"]
    assert (record["id"], record["model"]) == ("probe", MODEL)
    assert record["outputs"] == [{"name": "o_x", "datatype": "INT64", "shape": [2], "values": [3, 4]}]
