"""Seldon Core's V1 wrapper and its own client, over HTTP and gRPC: records equal what they sent and received."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.services.environment import makeable, run_script
from tests.system.services.outrider import run
from tests.system.services.seldon import Seldon, running_seldon
from tests.system.services.tapped import read_documents, tapped

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not makeable(), reason="needs Debian's Python: apt-get install python3 python3-venv"),
]
NAMED = {"default_model": "income"}


@pytest.fixture(scope="module")
def seldon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seldon]:
    with running_seldon(tmp_path_factory.mktemp("seldon")) as server:
        yield server


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_records_are_what_the_client_sent_and_received(protocol: str, seldon: Seldon, tmp_path: Path) -> None:
    """Tensors and arrays with and without names, JSON, texts, bytes, and what the model refuses."""
    with tapped(tmp_path, seldon.http if protocol == "http" else seldon.grpc, NAMED) as tap:
        said = read_documents(run_script("seldon", "seldon_client", protocol, tap.address))
        found = tap.assert_records_are(said)
    assert {each.fidelity for each in found} == {"full"}


def test_doctor_finds_both_doors_and_shows_a_record(seldon: Seldon, tmp_path: Path) -> None:
    """A probe of its own body, because the protocol does not tell what a model takes."""
    body = tmp_path / "request.json"
    body.write_text(json.dumps({"data": {"names": ["a", "b"], "ndarray": [[1, 2.5]]}}))
    options = ["--upstream", seldon.http, "--upstream", seldon.grpc, "--probe", "default", "--body", body, "--json"]
    found = json.loads(run("doctor", *options))
    http, grpc = found["servers"]
    assert (http["speaks"], http["captured"]) == ("Seldon v1", True)
    assert (grpc["speaks"], grpc["captured"]) == ("Seldon v1 over gRPC", True)
    record = found["probe"]["record"]
    assert [(t["name"], t["values"]) for t in (*record["inputs"], *record["outputs"])] == [
        ("a", [1.0]),
        ("b", [2.5]),
        ("low", [2.0]),
        ("high", [5.0]),
    ]
