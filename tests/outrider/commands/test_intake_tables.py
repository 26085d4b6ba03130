"""`outrider intake tables`: tables in a folder to a monitor, each row with a name that is the same whenever it is read."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collectors.records.encoding import decode_batch
from collectors.records.packing import unpack
from collectors.records.types import Prediction, Tensor
from outrider.commands.intake_tables import Drops
from outrider.main import main
from tests.scripted_http import Answer, Scripted, scripted_http

ROWS = [{"key": f"k{n}", "at": f"2026-01-01T00:00:{n:02d}Z", "age": 20 + n, "sex": "F", "p": n / 8} for n in range(4)]


def write(folder: Path, name: str) -> None:
    path = folder / name
    if name.endswith(".csv"):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(ROWS[0]))
            writer.writeheader()
            writer.writerows(ROWS)
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)


def shipped(server: Scripted) -> list[Prediction]:
    return [r for q in server.requests for r in decode_batch(q.body).records if isinstance(r, Prediction)]


def taken(tmp_path: Path, *more: str, code: int = 0) -> list[Prediction]:
    with scripted_http(lambda _: Answer()) as server:
        command = ["intake", "tables", str(tmp_path / "drops"), "--model", "income", "--outputs", "p", "--id", "key"]
        where = ["--time", "at", "--monitor", server.url, "--spool", str(tmp_path / "spool"), "--once"]
        assert main([*command, *where, *more]) == code
        return shipped(server)


@pytest.fixture
def drops(tmp_path: Path) -> Path:
    folder = tmp_path / "drops"
    folder.mkdir()
    return folder


def value(tensor: Tensor) -> object:
    return tensor.items[0] if tensor.datatype == "BYTES" else next(iter(unpack(tensor.data, tensor.datatype)))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_rows_become_predictions(tmp_path: Path, drops: Path, name: str) -> None:
    """With their ids and times, inputs and outputs apart, whatever the file's form."""
    write(drops, name)
    records = taken(tmp_path, "--rename", "age=AGEP")
    assert [record.id for record in records] == ["k0", "k1", "k2", "k3"]
    assert [record.time_ns for record in records] == [1_767_225_600 * 10**9 + n * 10**9 for n in range(4)]
    assert {(record.model, record.captured_by) for record in records} == {("income", "file")}
    last = records[3]
    assert {t.name: value(t) for t in last.inputs} == {"AGEP": 23, "sex": "F"}
    assert {t.name: value(t) for t in last.outputs} == {"p": 0.375}


def test_the_same_rows_have_the_same_names(tmp_path: Path, drops: Path) -> None:
    """Under another file name too: a monitor takes them once."""
    write(drops, "a.csv")
    (drops / "b.csv").write_bytes((drops / "a.csv").read_bytes())
    names = [record.exchange for record in taken(tmp_path)]
    assert len(names) == 8
    assert names[:4] == names[4:]
    assert len(set(names)) == 4


def test_a_file_is_read_once_over_runs(tmp_path: Path, drops: Path) -> None:
    """Until it changes."""
    write(drops, "a.csv")
    assert len(taken(tmp_path)) == 4
    assert taken(tmp_path) == []
    with (drops / "a.csv").open("a") as more:
        more.write("k9,2026-01-01T00:01:00Z,1,F,0.5\n")
    assert len(taken(tmp_path)) == 5


@pytest.mark.parametrize("content", ["x\n1\n", "key,at,p\nk,never,1\n", ""])
def test_a_file_that_is_of_no_use_costs_no_other(tmp_path: Path, drops: Path, content: str) -> None:
    """It is told, and the exit code says so."""
    (drops / "0.csv").write_text(content)
    write(drops, "a.csv")
    assert len(taken(tmp_path, code=1)) == 4


def test_a_file_that_is_being_written_waits(tmp_path: Path, drops: Path) -> None:
    """Until two looks find it the same; hidden files are others' business."""
    write(drops, "a.csv")
    write(drops, ".b.csv")
    folder = Drops(drops, tmp_path / "state")
    assert list(folder.ready(at_once=False)) == []
    with (drops / "a.csv").open("a") as more:
        more.write("k9,2026-01-01T00:01:00Z,1,F,0.5\n")
    assert list(folder.ready(at_once=False)) == []
    assert list(folder.ready(at_once=False)) == [drops / "a.csv"]
    folder.keep(drops / "a.csv")
    assert list(Drops(drops, tmp_path / "state").ready(at_once=True)) == []


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    """And one that is taken away meanwhile is no fault; nothing is kept of it."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    folder = Drops(tmp_path, tmp_path / "state")
    (found,) = folder.ready(at_once=True)
    found.write_text("x\n1\n2\n")
    folder.keep(found)
    (found,) = folder.ready(at_once=True)
    found.unlink()
    folder.keep(found)
    assert list(folder.ready(at_once=True)) == []
    assert folder._done == {}
