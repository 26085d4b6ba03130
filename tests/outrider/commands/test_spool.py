"""`outrider spool`: exit codes, one strict JSON document, one clear line."""

import json
from pathlib import Path

import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap, Prediction
from collectors.spool import Spool
from collectors.spool.undecodable import UndecodableFolder, Unread
from outrider.main import main
from tests.collectors.decoders.exchanges import exchange


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    with Spool.open(path, free_space_floor_bytes=0, clock=lambda: 1_700_000_000 * 10**9) as spool:
        for n in range(3):
            hostile = Prediction(
                exchange="e", id=str(n), id_source="generated", model="in\x1b[31mcome", version="1", time_ns=n
            )
            spool.append([hostile, Gap(start_ns=n, end_ns=n, reason="x")])
    return path


def damage(directory: Path) -> None:
    (path,) = directory.glob("*.journal")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_healthy_spool_is_told_in_text(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of models come from clients, so no control character reaches the terminal."""
    assert main(["spool", "inspect", str(directory)]) == 0
    out = capsys.readouterr().out
    assert "6 records in 3 frames" in out
    assert "sequence 1 to 3" in out
    assert "no damage" in out
    assert "\x1b" not in out


def test_damage_is_exit_code_1_until_repaired(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inspect says where; repair puts it in order; then inspect is content."""
    damage(directory)
    assert main(["spool", "inspect", str(directory)]) == 1
    assert "DAMAGE at byte" in capsys.readouterr().out
    assert main(["spool", "repair", str(directory)]) == 0
    assert "repaired: 1 damaged regions" in capsys.readouterr().out
    assert main(["spool", "inspect", str(directory)]) == 0


@pytest.mark.parametrize("torn", [1, 40, 100])
def test_what_repair_cuts_out_is_told_as_a_gap(directory: Path, torn: int, capsys: pytest.CaptureFixture[str]) -> None:
    """With as many records as it held, where that is still known: the next start finds nothing to tell of."""
    (path,) = directory.glob("*.journal")
    path.write_bytes(path.read_bytes()[:-torn])
    assert main(["spool", "repair", str(directory)]) == 0
    assert main(["spool", "repair", str(directory)]) == 0
    with Spool.open(directory, free_space_floor_bytes=0) as spool:
        records = [record for _, payload in spool.read(0, 1 << 20) for record in decode_batch(payload).records]
    told = [record for record in records if isinstance(record, Gap) and record.reason == "spool_damaged"]
    assert [each.exchanges_estimated for each in told] == [2]
    assert len([record for record in records if isinstance(record, Prediction)]) == 2


def test_json_is_one_document(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the same facts."""
    damage(directory)
    assert main(["spool", "inspect", "--json", str(directory)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["damaged"] is True
    assert (document["records"], document["oldest"]) == (4, "2023-11-14T22:13:20Z")
    assert document["journals"][0]["damage"][0]["reason"] == "payload"
    assert {"kind": "gap", "model": None, "records": 2} in document["records_by"]
    assert main(["spool", "repair", str(directory), "--json"]) == 0
    repaired = json.loads(capsys.readouterr().out)
    assert repaired["repaired"]["records_lost"] == 2
    assert repaired["damaged"] is False


@pytest.mark.parametrize("command", ["inspect", "repair"])
def test_bad_input_is_one_line_and_exit_code_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where, what was found, what was expected."""
    assert main(["spool", command, str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "expected a spool" in captured.err


def test_repair_of_a_spool_in_use_is_exit_code_2(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is healed by its owner."""
    with Spool.open(directory, free_space_floor_bytes=0):
        assert main(["spool", "repair", str(directory)]) == 2
        assert "another process uses this spool" in capsys.readouterr().err
        assert main(["spool", "inspect", str(directory)]) == 0


def test_undecodable_exchanges_are_listed_and_read_again(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A later release may read what an earlier one could not; a file that is none of ours is told."""
    folder = UndecodableFolder(directory)
    asked = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}
    told = {"outputs": [{"name": "p", "shape": [1], "datatype": "FP32", "data": [1]}]}
    for request in (asked, b"{broken\x1b"):
        folder.keep(Unread.of(exchange("/v2/models/m/infer#\x1b", request, told), "request_not_json", "request"))
    (directory / "undecodable" / "9.exchange").write_bytes(b"")
    assert main(["spool", "undecodable", str(directory), "--json"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert [each.get("now") for each in items] == ["decoded", "undecodable", None]
    assert items[0]["inputs"] == {"x": ["FP32", [1]]}
    assert items[1]["now_reason"] == "request_not_json"
    assert main(["spool", "undecodable", str(directory)]) == 0
    out = capsys.readouterr().out
    assert "now read: 1 rows of m" in out
    assert "\x1b" not in out
    assert main(["spool", "inspect", str(directory)]) == 0
    assert "undecodable" in capsys.readouterr().out
