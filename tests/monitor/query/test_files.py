"""A window's rows and its baseline as files: what comes out goes in again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.findings import rfc3339
from monitor.jobs.compare import compare
from monitor.segments.files import read_rows
from tests.monitor.jobs.house import MODEL, minute
from tests.monitor.query.conftest import API, Asked, N


def fetched(asked: Asked, folder: Path, name: str, **query: str | None) -> Path:
    answer = asked.client.get(f"{API}/models/{MODEL}/{name}", params=query)
    assert answer.status_code == 200, answer.text
    path = folder / name
    path.write_bytes(answer.content)
    return path


def test_the_files_of_a_window_recompute_its_numbers(asked: Asked, tmp_path: Path) -> None:
    """`outrider compare` on what the monitor gives out says what the monitor said."""
    span = {"from": rfc3339(minute(4)), "to": rfc3339(minute(5))}
    model = MonitoredModel.from_document(asked.get(f"/models/{MODEL}/declaration"))
    baseline = read_rows(fetched(asked, tmp_path, "baseline.parquet"), time=None, id=None)
    window = read_rows(fetched(asked, tmp_path, "rows.parquet", version="1", **span), time=None, id=None)
    assert len(window) == N
    again = compare(baseline, window, model, time_ordered=False, names=("b", "w"))
    (known,) = asked.all(f"/models/{MODEL}/measurements", version="1", feature="age", metric="js_distance", **span)
    (found,) = [f for f in again.findings if f.feature == "age" and f.metric == "js_distance"]
    assert found.value is not None
    assert np.isclose(found.value, known["value"], rtol=1e-9)


def test_a_span_without_rows_has_no_file(asked: Asked) -> None:
    """Nothing is not an empty file."""
    span = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    assert asked.refused("GET", f"/models/{MODEL}/rows.parquet", params=span)["status"] == 404


def test_a_file_needs_a_span(asked: Asked) -> None:
    """All rows there ever were are not one file."""
    problem = asked.refused("GET", f"/models/{MODEL}/rows.parquet")
    assert (problem["status"], problem["errors"][0]["path"]) == (422, "from, to")
