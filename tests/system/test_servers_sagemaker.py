"""SageMaker's inference toolkit on its multi-model server: records equal what its own codecs wrote and read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.services.environment import makeable, run_script
from tests.system.services.outrider import run
from tests.system.services.sagemaker import running_sagemaker
from tests.system.services.tapped import read_documents, tapped

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not makeable(), reason="needs Debian's Python: apt-get install python3 python3-venv"),
]


@pytest.fixture(scope="module")
def sagemaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sagemaker(tmp_path_factory.mktemp("sagemaker")) as address:
        yield address


def test_records_are_what_the_client_sent_and_received(sagemaker: str, tmp_path: Path) -> None:
    """JSON, CSV and arrays of NumPy's in every pair, a model by its path and by its header, and what is refused."""
    with tapped(tmp_path, sagemaker) as tap:
        said = read_documents(run_script("sagemaker", "sagemaker_client", tap.address))
        tap.assert_records_are(said)


def test_doctor_finds_it_and_shows_a_record(sagemaker: str, tmp_path: Path) -> None:
    """With a request of the user's: the contract does not tell what a model takes."""
    body = tmp_path / "rows.json"
    body.write_text(json.dumps([[1.5, 2.5]]))
    found = json.loads(run("doctor", "--upstream", sagemaker, "--probe", "default", "--body", body, "--json"))
    (server,) = found["servers"]
    assert (server["speaks"], server["captured"], server["ready"]) == ("SageMaker and MLflow invocations", True, True)
    record = found["probe"]["record"]
    assert [(t["name"], t["values"]) for t in (*record["inputs"], *record["outputs"])] == [
        ("input", [1.5, 2.5]),
        ("output", [3.0, 5.0]),
    ]
