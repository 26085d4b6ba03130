"""A real MLServer and its own codecs and stubs, over HTTP and gRPC: records equal what they sent and received."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.services.echo import assert_doctor_finds_both_doors
from tests.system.services.environment import makeable, run_script
from tests.system.services.mlserver import MlServer, running_mlserver
from tests.system.services.tapped import read_documents, tapped

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
        said = read_documents(run_script("mlserver", "mlserver_client", protocol, tap.address))
        found = tap.assert_records_are(said)
    assert {each.fidelity for each in found} == {"full"}


def test_doctor_finds_both_doors_and_shows_a_record(mlserver: MlServer, tmp_path: Path) -> None:
    """HTTP and gRPC are told apart; the probe becomes the record that would be stored."""
    record = assert_doctor_finds_both_doors(tmp_path, mlserver.http, mlserver.grpc, name="mlserver", version="1.7.1")
    assert record["version"] == "v1"
