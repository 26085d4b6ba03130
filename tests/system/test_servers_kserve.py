"""KServe's own Python server and its own clients, in both protocols: records equal what they sent and received."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.services.echo import assert_doctor_finds_both_doors
from tests.system.services.environment import makeable, run_script
from tests.system.services.kserve import KServe, running_kserve
from tests.system.services.tapped import read_documents, tapped

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
        said = read_documents(run_script("kserve", "kserve_client", protocol, tap.address))
        found = tap.assert_records_are(said)
    assert {each.fidelity for each in found} == {"full"}


def test_doctor_finds_both_doors_and_shows_a_record(kserve: KServe, tmp_path: Path) -> None:
    """HTTP and gRPC are told apart; the probe becomes the record that would be stored."""
    assert_doctor_finds_both_doors(tmp_path, kserve.http, kserve.grpc, name="kserve", version="0.21.0")
