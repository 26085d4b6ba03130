"""Labels that say when they were known: stored, carried through waiting and compaction, and told as their delay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from monitor.definitions import MonitoredModel
from monitor.errors import InvalidInput
from monitor.ports import CAME_UNKNOWN_NS
from monitor.segments.files import labels_from_bytes
from monitor.tiles.delays import DelayTile, delay_cells, delay_quantile
from monitor.tiles.encoding import decode_tileset
from tests.monitor.jobs.house import MODEL, SECOND, House, closed, labelled, minute, population, truth_of

N = 300
HOUR = 3_600 * SECOND
DAY = 24 * HOUR


def ready(house: House) -> None:
    house.declare()
    house.baseline(labelled(population(2_000, seed=1), seed=2), time_ordered=False)


def served(
    house: House, number: int = 0
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], npt.NDArray[np.int64]]:
    rows = population(N, seed=5, start_ns=minute(number), name=f"w{number}-")
    house.serve(rows)
    return (*truth_of(rows, seed=6), rows.time_ns)


def delays(house: House, number: int = 0) -> DelayTile:
    window = next(w for w in house.windows() if w.span.start_ns == minute(number))
    data = house.catalog.tiles(MODEL, "1", window.rule, window.span)
    assert data is not None
    tile = decode_tileset(data).delays
    assert tile is not None
    return tile


def cell(seconds: int) -> int:
    return int(delay_cells(np.array([seconds * SECOND]))[0])


def test_delays_are_told_by_when_labels_were_known_and_learned_by_when_they_came(house: House) -> None:
    """All came two days later; two thirds say that an hour after the prediction they were known."""
    ready(house)
    ids, values, times = served(house)
    house.at(closed(0))
    house.now_ns = minute(0) + 2 * DAY
    known = np.where(np.arange(N) < 200, times + HOUR, CAME_UNKNOWN_NS)
    house.label(ids, values, known)
    house.at(house.now_ns + SECOND)
    tile = delays(house)
    assert tile.told is not None and tile.undated == 0
    assert tile.shown.sum(axis=0)[cell(3_600)] == 200 and tile.shown.sum() == N
    assert tile.counts.sum(axis=0)[cell(3_600)] == 0 and tile.counts.sum() == N
    found = delay_quantile(tile.shown.sum(axis=0), 0.5)
    assert found is not None and found[0] <= 3_600 <= (found[1] or 0)


def test_labels_of_recorded_rows_have_a_delay_where_they_say_it(house: House) -> None:
    """Their coming says nothing, so those that do not say stay undated."""
    ready(house)
    house.now_ns = minute(0) + 30 * DAY
    ids, values, times = served(house)
    known = np.where(np.arange(N) < 200, times + HOUR, CAME_UNKNOWN_NS)
    house.label(ids, values, known)
    house.at(house.now_ns + SECOND)
    tile = delays(house)
    assert tile.undated == 100 and tile.counts.sum() == 0
    assert tile.shown.sum(axis=0)[cell(3_600)] == 200


def test_a_waiting_label_keeps_when_it_was_known(house: House) -> None:
    """It came before its prediction did."""
    ready(house)
    rows = population(N, seed=5, start_ns=minute(0), name="w0-")
    ids, values = truth_of(rows, seed=6)
    house.now_ns = minute(1) + HOUR
    assert house.label(ids, values, rows.time_ns + 60 * SECOND).unknown == N
    house.serve(rows)
    house.at(minute(1) + 2 * HOUR)
    assert delays(house).shown.sum(axis=0)[cell(60)] == N


def test_what_was_known_ahead_of_the_clock_is_refused(house: House) -> None:
    """By its place; hours ahead are a zone or a clock, and count as no delay."""
    ready(house)
    ids, values, times = served(house)
    house.at(closed(0))
    with pytest.raises(InvalidInput) as caught:
        house.label(ids, values, np.where(np.arange(N) == 7, house.now_ns + 2 * DAY, times))
    assert str(ids[7]) in caught.value.faults[0].where
    assert house.label(ids, values, np.full(N, house.now_ns + HOUR)).accepted == N


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/csv", b"prediction_id,y,seen\na,1,2026-01-01T00:00:00Z\nb,0,\nc,,2026-01-01T00:00:01Z\n"),
        (
            "application/json",
            b'[{"prediction_id":"a","y":1,"seen":"2026-01-01T00:00:00Z"},{"prediction_id":"b","y":0,"seen":null}]',
        ),
    ],
)
def test_a_column_says_when_labels_were_known(media_type: str, body: bytes) -> None:
    """A row may say nothing; a body without the column is fine where only the declaration names it, and bad input where the call does."""
    found = labels_from_bytes(body, media_type, "labels", "prediction_id", "y", "seen", demanded=True)
    assert found.known_ns is not None
    assert found.id.tolist() == ["a", "b"]
    assert found.known_ns.tolist() == [1_767_225_600 * SECOND, CAME_UNKNOWN_NS]
    assert labels_from_bytes(body, media_type, "labels", "prediction_id", "y", "other", demanded=False).known_ns is None
    with pytest.raises(InvalidInput):
        labels_from_bytes(body, media_type, "labels", "prediction_id", "y", "other", demanded=True)


def test_a_time_that_is_none_names_its_row() -> None:
    """Rows before it that say nothing count."""
    body = b"prediction_id,y,seen\na,1,\nb,0,2026-01-01\nc,1,soon\n"
    with pytest.raises(InvalidInput) as caught:
        labels_from_bytes(body, "text/csv", "labels", "prediction_id", "y", "seen", demanded=True)
    assert "row 3" in str(caught.value.faults[0])


def test_the_column_may_be_declared() -> None:
    """It survives writing and reading."""
    document = {"model": "m", "label": {"name": "y", "time": "seen"}}
    model = MonitoredModel.from_document(document)
    assert model.label is not None and model.label.time == "seen"
    assert MonitoredModel.from_document(model.to_document()) == model
