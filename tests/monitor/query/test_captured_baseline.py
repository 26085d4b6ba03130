"""`PUT baseline` without a file: what was captured in a span is what later windows are compared with."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch
from monitor.findings import rfc3339
from monitor.jobs.replay import predictions_of
from monitor.tiles.encoding import decode_baseline, encode_tileset
from tests.monitor.jobs.house import DECLARATION, MODEL, closed, minute, population, truth_of
from tests.monitor.query.conftest import API, Asked

N = 400
PATH = f"{API}/models/{MODEL}/baseline"


@pytest.fixture
def served(empty: Asked) -> Asked:
    """Four quiet minutes with labels, closed without a baseline, and a fifth in which everyone is 30 years older."""
    assert empty.client.put(f"{API}/models/{MODEL}", json=DECLARATION).status_code == 200
    for number in range(5):
        rows = population(
            N, seed=20 + number, start_ns=minute(number), name=f"w{number}-", shift=30.0 if number == 4 else 0.0
        )
        empty.take(rows, number)
        ids, values = truth_of(rows, seed=number)
        truth = [{"prediction_id": i, "employed": v} for i, v in zip(ids.tolist(), values.tolist(), strict=True)]
        assert empty.client.post(f"{API}/models/{MODEL}/labels", json=truth).json()["unknown"] == 0
        if number < 4:
            empty.at(closed(number))
    return empty


def span(first: int, behind: int) -> dict[str, str | None]:
    return {"from": rfc3339(minute(first)), "to": rfc3339(minute(behind))}


def tiles_of(asked: Asked) -> Any:
    entry = asked.service.context.catalog.baseline(MODEL)
    assert entry is not None
    return decode_baseline(entry.profile)


def test_it_is_the_baseline_of_a_file_with_the_same_rows(served: Asked) -> None:
    """Rows, labels and dependence: all tiles equal those of a file that somebody had kept."""
    answer = served.client.put(PATH, params=span(0, 4))
    assert answer.status_code == 200 and answer.json()["rows"] == 4 * N
    captured = tiles_of(served)
    assert captured.tiles.outcome is not None
    assert captured.time_ordered

    parts = [population(N, seed=20 + i, start_ns=minute(i), name=f"w{i}-") for i in range(4)]
    truth = np.concatenate([truth_of(part, seed=i)[1] for i, part in enumerate(parts)])
    table = {name: np.concatenate([part.columns[name].values for part in parts]) for name in parts[0].columns}
    lines = [",".join(["at", *table, "employed"])]
    times = np.concatenate([part.time_ns for part in parts])
    for i, when in enumerate(times.tolist()):
        lines.append(",".join([rfc3339(when) or "", *(str(values[i]) for values in table.values()), str(truth[i])]))
    kind = {"content-type": "text/csv"}
    body = "\n".join(lines).encode()
    assert served.client.put(PATH, content=body, headers=kind, params={"time": "at"}).status_code == 200
    assert encode_tileset(tiles_of(served).tiles) == encode_tileset(captured.tiles)


def test_the_next_window_is_judged_by_it(served: Asked) -> None:
    """Windows before it had no verdict and get theirs; the shifted one after it is critical in what moved."""
    windows = served.all(f"/models/{MODEL}/windows")
    assert {w["status"] for w in windows} == {"no_data"} and "from what was captured" in windows[0]["reason"]
    assert served.client.put(PATH, params=span(0, 4)).status_code == 200
    served.at(closed(4))
    found = served.all(f"/models/{MODEL}/measurements", feature="age", metric="js_distance")
    assert [m["status"] for m in found] == ["ok"] * 4 + ["critical"]
    assert {(m["n_baseline"], m["n_window"]) for m in found} == {(4 * N, N)}
    closed_again = served.all(f"/models/{MODEL}/windows")[:4]
    assert {(w["status"], w["revision"], w["labelled"]) for w in closed_again} == {("ok", 1, N)}
    assert all("partly compared with itself" in w["reason"] for w in closed_again)


def test_one_version_alone(served: Asked) -> None:
    """A version that served nothing in the span is told; the one that did is taken."""
    assert served.client.put(PATH, params=span(0, 2) | {"version": "1"}).json()["rows"] == 2 * N
    assert (
        "no stored rows"
        in served.refused("PUT", PATH.removeprefix(API), params=span(0, 2) | {"version": "9"})["detail"]
    )


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({"from": "2026-01-01T00:00:00Z"}, b""),
        ({"to": "2026-01-01T00:00:00Z"}, b""),
        ({"from": "yesterday", "to": "2026-01-01T00:00:00Z"}, b""),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, b""),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, b"age\n1\n2\n"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "time": "at"}, b""),
    ],
)
def test_a_span_that_is_none_changes_nothing(served: Asked, query: dict[str, str], body: bytes) -> None:
    """Half a span, no time, an end before its start, a file beside it: refused with the place, and no baseline."""
    problem = served.refused("PUT", PATH.removeprefix(API), params=query, content=body)
    assert problem["status"] == 422 and problem["errors"][0]["path"] in {"from", "from, to"}
    assert served.service.context.catalog.baseline(MODEL) is None


def test_more_than_a_baseline_may_have_is_refused_before_it_is_read(
    served: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.jobs.stored_records.SPAN_ROWS_MAX", N)
    problem = served.refused("PUT", PATH.removeprefix(API), params=span(0, 4))
    assert problem["status"] == 422 and f"{N:,} rows" in problem["detail"]


def test_what_was_sampled_counts_as_in_windows(served: Asked) -> None:
    """Rows of unequal inclusion are thinned to the lowest before they become the norm."""
    rows = population(N, seed=77, start_ns=minute(9), name="s-")
    records = predictions_of(rows, MODEL, "1", ("p", "yhat"))
    sampled = [msgspec.structs.replace(one, inclusion=0.25 if i % 2 else 1.0) for i, one in enumerate(records)]
    body = encode_batch(Batch(sidecar="s", sequence=99, records=tuple(sampled)))
    assert served.client.post(f"{API}/records", content=body).json()["predictions"] == N
    served.at(closed(9))
    kept = served.client.put(PATH, params=span(9, 10)).json()["rows"]
    # 200 rows and a quarter of 200: 250, with a standard deviation of 6.
    assert 220 < kept < 280
    served.at(closed(9) + 1)
    window = served.all(f"/models/{MODEL}/windows")[-1]
    assert (window["n_window"], window["revision"], window["status"]) == (kept, 1, "ok")
