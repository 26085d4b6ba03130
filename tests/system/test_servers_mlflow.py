"""MLflow's scoring server and its own client: every form of /invocations, and records that equal what passed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.services.environment import makeable, run_script
from tests.system.services.mlflow import running_mlflow
from tests.system.services.outrider import run
from tests.system.services.tapped import read_documents, tapped

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not makeable(), reason="needs Debian's Python: apt-get install python3 python3-venv"),
]


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_mlflow(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


def test_records_are_what_the_client_sent_and_received(mlflow: str, tmp_path: Path) -> None:
    """Frames as split and as records, instances, inputs as one tensor and by name, CSV, and what is refused."""
    with tapped(tmp_path, mlflow) as tap:
        said = read_documents(run_script("mlflow", "mlflow_client", tap.address))
        found = tap.assert_records_are(said)
    assert [each.id for each in found if each.id_source == "x-request-id"] == ["by-header"]


def test_doctor_finds_it_and_shows_a_record(mlflow: str, tmp_path: Path) -> None:
    """With a request of the user's: the protocol does not tell what a model takes."""
    body = tmp_path / "rows.json"
    body.write_text(json.dumps({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2.5]]}}))
    found = json.loads(run("doctor", "--upstream", mlflow, "--probe", "default", "--body", body, "--json"))
    (server,) = found["servers"]
    assert (server["speaks"], server["name"], server["version"]) == (
        "SageMaker and MLflow invocations",
        "mlflow",
        "3.17.2",
    )
    assert (server["captured"], server["ready"]) == (True, True)
    record = found["probe"]["record"]
    assert [(t["name"], t["values"]) for t in (*record["inputs"], *record["outputs"])] == [
        ("a", [1]),
        ("b", [2.5]),
        ("output", [3.5]),
    ]
