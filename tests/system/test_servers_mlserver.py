"""A real MLServer and its own codecs and stubs, over HTTP and gRPC: records equal what they sent and received."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.services.environment import makeable, run_script
from tests.system.services.mlserver import MODEL, MlServer, running_mlserver
from tests.system.services.outrider import run
from tests.system.services.tapped import document, read_documents, tapped

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not makeable(), reason="needs Debian's Python: apt-get install python3 python3-venv"),
]


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlServer]:
    with running_mlserver(tmp_path_factory.mktemp("mlserver")) as server:
        yield server


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_records_are_what_the_client_sent_and_received(protocol: str, mlserver: MlServer, tmp_path: Path) -> None:
    """NumPy and pandas requests, every kind of list, a stream of answers, a model that is not there."""
    with tapped(tmp_path, mlserver.http if protocol == "http" else mlserver.grpc) as tap:
        output = run_script("mlserver", "mlserver_client", protocol, tap.address)
        said = [
            each | {"status": {"NOT_FOUND": 404}.get(each["status"], each["status"])} for each in read_documents(output)
        ]
        found = tap.wait_for(len(said))
        tap.assert_nothing_changed()
        assert tap.outcomes() == {"captured": len(said), "undecodable": 0, "dropped": 0, "sampled_out": 0}
    assert [document(each) for each in found] == said
    assert {each.fidelity for each in found} == {"full"}


def test_doctor_finds_both_doors_and_shows_a_record(mlserver: MlServer, tmp_path: Path) -> None:
    """A probe of its own body, because the model declares no inputs."""
    x = {"name": "x", "shape": [2], "datatype": "INT64", "data": [3, 4]}
    body = tmp_path / "request.json"
    body.write_text(json.dumps({"id": "probe", "inputs": [x]}))
    options = ["--upstream", mlserver.http, "--upstream", mlserver.grpc, "--probe", MODEL, "--body", body, "--json"]
    found = json.loads(run("doctor", *options))
    http, grpc = found["servers"]
    assert (http["speaks"], http["name"], http["version"]) == ("Open Inference Protocol", "mlserver", "1.7.1")
    assert (http["models"], http["captured"], http["ready"]) == ([MODEL], True, True)
    assert (grpc["speaks"], grpc["captured"], grpc["ready"]) == ("Open Inference Protocol over gRPC", True, True)
    record = found["probe"]["record"]
    assert (record["id"], record["model"], record["version"]) == ("probe", MODEL, "v1")
    assert record["outputs"] == [{"name": "o_x", "datatype": "INT64", "shape": [2], "values": [3, 4]}]
