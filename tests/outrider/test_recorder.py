"""The two-line call: what a program says of its model reaches the monitor, or stays in the spool."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import outrider
from collectors.records.encoding import decode_batch
from collectors.records.types import Prediction
from outrider.recorder import Recorder
from tests.scripted_http import Answer, Request, Scripted, scripted_http


def shipped(server: Scripted) -> list[Prediction]:
    return [
        record
        for request in server.requests
        for record in decode_batch(request.body).records
        if isinstance(record, Prediction)
    ]


def taken(_: Request) -> Answer:
    return Answer()


def test_two_lines_deliver_at_their_end(tmp_path: Path) -> None:
    """Everything is with the monitor when the context ends."""
    with scripted_http(taken) as server:
        with outrider.Recorder("income", monitor=server.url, spool=tmp_path) as recorder:
            recorder.record({"AGEP": [41, 17], "SEX": ["1", "2"]}, {"p": np.array([0.7, 0.1])}, id="call")
        (record,) = shipped(server)
    assert (recorder.counts.offered, recorder.counts.settled) == (1, 1)
    assert (record.model, record.id, record.rows, record.captured_by) == ("income", "call", 2, "client")
    assert [t.name for t in record.inputs] == ["AGEP", "SEX"]


def test_one_call_is_enough(tmp_path: Path) -> None:
    """For a job that has one batch."""
    with scripted_http(taken) as server:
        assert outrider.record("income", [[1.0, 2.0]], [0.5], monitor=server.url, spool=tmp_path)
        assert len(shipped(server)) == 1


def test_rows_may_have_ids_of_their_own(tmp_path: Path) -> None:
    """Each is a prediction then, in their order, with its part of every tensor."""
    with scripted_http(taken) as server:
        with Recorder("m", monitor=server.url, spool=tmp_path) as recorder:
            inputs = {"a": [1, None, 3], "t": ["x", "y", "z"], "v": np.arange(6.0).reshape(3, 2)}
            assert recorder.record(inputs, {"p": [0.1, 0.2, 0.3]}, ids=["i", "j", 3])
        records = shipped(server)
    assert [record.id for record in records] == ["i", "j", "3"]
    assert records[1].inputs[0].missing == (0,) and records[1].inputs[1].items == ("y",)
    assert np.frombuffer(records[2].inputs[2].data).tolist() == [4.0, 5.0]
    assert records[0].time_ns < records[1].time_ns < records[2].time_ns


def test_without_a_monitor_records_stay_in_the_spool(tmp_path: Path) -> None:
    """And go with the next start that has one."""
    with Recorder("m", spool=tmp_path) as recorder:
        recorder.record({"a": [1]}, {"p": [0.5]})
    with scripted_http(taken) as server:
        with Recorder("m", monitor=server.url, spool=tmp_path) as recorder:
            recorder.record({"a": [2]}, {"p": [0.5]})
        assert len(shipped(server)) == 2


def test_an_absent_monitor_ends_the_wait(tmp_path: Path) -> None:
    """The program is told, and the records stay."""
    recorder = Recorder("m", monitor="http://127.0.0.1:9", spool=tmp_path, flush_seconds=0.3)
    recorder.record({"a": [1]}, {"p": [0.5]})
    assert not recorder.close()


@pytest.mark.parametrize("values", [{"a": [1, 2], "b": [1]}, {}])
def test_values_that_are_no_table_are_refused_without_raising(tmp_path: Path, values: object) -> None:
    """Monitoring must not end a batch job."""
    with Recorder("m", spool=tmp_path) as recorder:
        assert not recorder.record(values, {"p": [0.5]})
        assert not recorder.record({"a": [1, 2]}, {"p": [1, 2]}, ids=["only one"])
        assert recorder.refused == 2


def test_two_recorders_have_a_spool_each(tmp_path: Path) -> None:
    """As two processes of one program have."""
    with Recorder("m", spool=tmp_path) as one, Recorder("m", spool=tmp_path) as other:
        for recorder in (one, other):
            recorder.record({"a": [1]}, {"p": [0.5]})
            assert recorder.flush(10)
    assert sorted(path.name for path in tmp_path.glob("spool-*") if path.is_dir()) == ["spool-0", "spool-1"]


def test_the_call_needs_the_plain_install_only() -> None:
    """No NumPy, no pandas, nothing of the service."""
    code = (
        "import sys, tempfile, outrider\n"
        "outrider.record('m', {'a': [1]}, {'p': [0.5]}, spool=tempfile.mkdtemp())\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'pyarrow', 'litestar', 'monitor', 'typer'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_name_is_none_of_the_package() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="nonsense"):
        _ = outrider.nonsense


def test_a_program_that_ends_without_closing_loses_nothing(tmp_path: Path) -> None:
    """What was taken is with the monitor when the process has gone."""
    program = (
        "import sys, outrider; recorder = outrider.Recorder('m', monitor=sys.argv[1], spool=sys.argv[2]); "
        "[recorder.record({'a': [i]}, {'p': [0.5]}) for i in range(5)]"
    )
    with scripted_http(taken) as server:
        subprocess.run([sys.executable, "-c", program, server.url, str(tmp_path)], check=True, timeout=60)
        assert len(shipped(server)) == 5


def test_a_forked_process_records_for_itself(tmp_path: Path) -> None:
    """With a thread and a spool of its own; neither end waits for the other's."""
    program = (
        "import os, sys, outrider\n"
        "recorder = outrider.Recorder('m', monitor=sys.argv[1], spool=sys.argv[2])\n"
        "recorder.record({'a': [1]}, {'p': [0.5]}, id='parent')\n"
        "recorder.flush()\n"
        "child = os.fork()\n"
        "if child: os.waitpid(child, 0)\n"
        "recorder.record({'a': [2]}, {'p': [0.5]}, id='after' if child else 'child')\n"
    )
    with scripted_http(taken) as server:
        subprocess.run([sys.executable, "-c", program, server.url, str(tmp_path)], check=True, timeout=60)
        assert sorted(each.id for each in shipped(server)) == ["after", "child", "parent"]
