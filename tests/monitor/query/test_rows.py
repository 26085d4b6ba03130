"""Rows by bin, fault, group and slice, and the same rows as a file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from monitor.findings import Span, rfc3339
from monitor.ports import Segment
from monitor.query.rows import CHUNK_ROWS, chunks
from tests.monitor.jobs.house import MODEL, minute
from tests.monitor.query.conftest import API, WINDOWS, Asked, N

SPAN = {"from": rfc3339(minute(0)), "to": rfc3339(minute(WINDOWS))}


def rows(asked: Asked, **query: Any) -> list[dict[str, Any]]:
    return asked.all(f"/models/{MODEL}/rows", **SPAN, limit=1_000, **query)


def test_the_rows_of_a_bin_are_those_that_its_bar_counts(asked: Asked) -> None:
    """Open below, closed above, as the tile is: every bar of a window's distribution leads to as many rows."""
    span = {"from_": rfc3339(minute(0)), "to": rfc3339(minute(1))}
    item = asked.get(f"/models/{MODEL}/distributions", feature="age", version="1", **span)["items"][0]
    edges = [None, *item["edges"], None]
    for i, count in enumerate(item["window_counts"]):
        bin_of = {k: v for k, v in (("above", edges[i]), ("up_to", edges[i + 1])) if v is not None}
        found = asked.get(f"/models/{MODEL}/rows", feature="age", version="1", limit=1, **span, **bin_of)
        assert found["rows"] == count


def test_the_rows_outside_the_baselines_range(asked: Asked) -> None:
    """As many as the metric says of the window, of which the quality page has it."""
    span = {"from_": rfc3339(minute(3)), "to": rfc3339(minute(3) + 1)}
    quality = {i["column"]: i["metrics"] for i in asked.get(f"/models/{MODEL}/quality", version="1", **span)["items"]}
    share = quality["age"]["out_of_range_ratio"]["value"]
    span["to"] = rfc3339(minute(4))
    found = asked.get(f"/models/{MODEL}/rows", feature="age", fault="outside", version="1", limit=1, **span)
    assert found["rows"] == round(share * N) > 0


def test_the_rows_of_a_group_and_the_missing_ones(asked: Asked) -> None:
    """Groups divide the rows; nobody's age is missing."""
    whole = rows(asked)
    women, men = rows(asked, group="sex=f"), rows(asked, group="sex=m")
    assert {r["values"]["sex"] for r in women} == {"f"} and len(women) + len(men) == len(whole)
    assert rows(asked, feature="age", fault="missing") == []
    assert rows(asked, feature="sex", fault="new") == []


def test_labels_stand_beside_their_rows(asked: Asked) -> None:
    """Version 2 has them, version 1 has none."""
    assert all(r["label"] in (0, 1) for r in rows(asked, version="2"))
    assert all(r.get("label") is None for r in rows(asked, version="1"))


def test_the_file_has_the_same_rows(asked: Asked) -> None:
    """A heading, then a line a row with the values and the label, in the same order, through the same filter."""
    answer = asked.client.get(f"{API}/models/{MODEL}/rows.csv", params=SPAN | {"version": "2", "group": "sex=f"})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    shown = rows(asked, version="2", group="sex=f")
    assert [line["prediction_id"] for line in lines] == [row["prediction_id"] for row in shown]
    assert [float(line["age"]) for line in lines] == [row["values"]["age"] for row in shown]
    assert [float(line["label"]) for line in lines] == [row["label"] for row in shown]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"fault": "odd", "feature": "age"}, "fault"),
        ({"group": "women"}, "group"),
        ({"feature": "no", "category": "x"}, None),
    ],
)
@pytest.mark.parametrize("path", ["rows", "rows.csv"])
def test_what_cannot_be_asked_is_refused_before_a_line_is_sent(
    asked: Asked, path: str, query: dict[str, str], where: str | None
) -> None:
    """With the place of the fault, or what is not there."""
    problem = asked.refused("GET", f"/models/{MODEL}/{path}", params=SPAN | query)
    assert problem["errors"][0]["path"] == where if where else problem["status"] == 404


def test_only_the_anomalous_rows(asked: Asked) -> None:
    """Those that were recorded, by their ids."""
    recorded = {a["prediction_id"] for a in asked.all(f"/models/{MODEL}/anomalies")}
    assert {r["prediction_id"] for r in rows(asked, anomalous="true")} == recorded


def test_a_span_is_cut_where_segments_begin() -> None:
    """Pieces touch, cover the span, and hold about as many rows as are held at once."""
    segments = [Segment("predictions", "m", "", f"{i}", CHUNK_ROWS // 2, 100 * i, 100 * i + 99, 0) for i in range(5)]
    found = list(chunks(segments, Span(0, 1_000)))
    assert found == [Span(0, 200), Span(200, 400), Span(400, 1_000)]
    assert list(chunks([], Span(0, 10))) == [Span(0, 10)]
