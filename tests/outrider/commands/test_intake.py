"""`outrider intake sagemaker`: capture files to a monitor, each line once."""

import json
from pathlib import Path

import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Prediction
from outrider.main import main
from tests.scripted_http import Answer, Scripted, scripted_http


def captured(event: str) -> str:
    side = {"observedContentType": "text/csv", "encoding": "CSV"}
    data = {"endpointInput": side | {"data": "1,2.5"}, "endpointOutput": side | {"data": "0.5"}}
    return json.dumps({"captureData": data, "eventMetadata": {"eventId": event}}) + "\n"


def shipped(server: Scripted) -> list[Prediction]:
    return [r for q in server.requests for r in decode_batch(q.body).records if isinstance(r, Prediction)]


def test_files_are_shipped_once_over_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run takes what is new; the layout names the model."""
    folder = tmp_path / "churn" / "AllTraffic" / "2026" / "01" / "02" / "03"
    folder.mkdir(parents=True)
    file = folder / "a.jsonl"
    file.write_text(captured("1") + "nonsense\n" + captured("2"))
    with scripted_http(lambda _: Answer()) as server:
        command = [
            "intake",
            "sagemaker",
            str(tmp_path),
            "--monitor",
            server.url,
            "--spool",
            str(tmp_path / "s"),
            "--once",
        ]
        assert main(command) == 0
        assert "2 exchanges taken, 1 lines refused" in capsys.readouterr().err
        with file.open("a") as more:
            more.write(captured("3"))
        assert main(command) == 0
        records = shipped(server)
    assert [record.id for record in records] == ["1", "2", "3"]
    assert {(record.model, record.version, record.captured_by) for record in records} == {
        ("churn", "AllTraffic", "file")
    }


@pytest.mark.parametrize(
    ("more", "said"),
    [(["/nowhere/at/all"], "expected a directory"), ([".", "--monitor", "nonsense"], "expected a URL")],
)
def test_bad_usage_is_one_line(more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2."""
    assert main(["intake", "sagemaker", *more, "--spool", str(tmp_path), "--once"]) == 2
    assert said in capsys.readouterr().err


def test_an_absent_monitor_is_told(tmp_path: Path) -> None:
    """What is not shipped stays in the spool."""
    assert main(["intake", "sagemaker", str(tmp_path), "--spool", str(tmp_path / "s"), "--once"]) == 0
