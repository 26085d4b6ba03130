"""Timestamps as ages, hours and weekends, and what of them reaches alerts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from monitor.alerts.evidence.drift import drift_tests
from monitor.alerts.evidence.trials import Look
from monitor.definitions import Feature, MonitoredModel
from monitor.findings import Measurement, Status
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.rows import Coding, Column, Rows
from monitor.tiles.stamps import describe, times
from monitor.tiles.tileset import Baseline
from tests.monitor.tiles.samples import column, rows

MODEL = MonitoredModel("m", features=(Feature("when", "timestamp"),), metrics=("freshness_seconds", "future_ratio"))
START = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
"""A Monday."""
DAY = 86_400


def visits(rng: np.random.Generator, n: int, *, days: float = 400.0, older: float = 0.0, spelled: bool = False) -> Rows:
    """Events one second apart, of accounts that were opened at any time of the last `days`."""
    part = rows({"x": np.zeros(n)})
    event = part.time_ns // 10**9 + START
    opened = event - (rng.random(n) * days * DAY).astype(np.int64) - int(older * DAY)
    values = [datetime.fromtimestamp(int(t), UTC).isoformat() for t in opened] if spelled else opened
    return Rows(event * 10**9, part.id, part.row, part.of, {"when": column(values)})


def base(rng: np.random.Generator, model: MonitoredModel = MODEL, **how: float) -> Baseline:
    return build_baseline(visits(rng, 4_000, **how), model, time_ordered=True)  # type: ignore[arg-type]


def evidence(window: Rows, baseline: Baseline) -> dict[str | None, float]:
    [trials] = drift_tests(Look(profile(window, baseline.grids, MODEL), baseline))
    return {subject.feature: p for subject, p in zip(trials.subjects, trials.log_p.tolist(), strict=True)}


def quality(window: Rows, baseline: Baseline) -> dict[str, Measurement]:
    found = measure(baseline, profile(window, baseline.grids, MODEL), MODEL)
    return {m.metric: m for m in found if m.metric in MODEL.metrics}


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_an_epoch_number_counts_the_unit_that_its_size_tells(unit: int) -> None:
    """As a whole number, a fraction and a text; each value by itself."""
    moments = [datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC), datetime(1999, 12, 31, tzinfo=UTC)]
    expected = [int(m.timestamp()) * 10**9 for m in moments]
    whole = [ns * unit // 10**9 for ns in expected]
    for values in (np.array(whole), np.array(whole, float), [str(v) for v in whole]):
        found, usable = times(column(values))
        assert usable.all() and found.tolist() == expected


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Asia/Kathmandu", "UTC"])
def test_hours_are_those_of_pandas(zone: str) -> None:
    """At random times of forty years, changes of the clock among them, and before 1970."""
    rng = np.random.default_rng(1)
    seconds = rng.integers(-5 * 365 * DAY, 35 * 365 * DAY, 2_000)
    found = describe(column([datetime.fromtimestamp(int(s), UTC).isoformat() for s in seconds]), seconds * 10**9, zone)
    local = pd.to_datetime(seconds, unit="s", utc=True).tz_convert(zone)
    assert found["hour_of_week"].values.tolist() == (local.dayofweek * 24 + local.hour).tolist()
    assert found["weekend"].values.tolist() == (local.dayofweek >= 5).tolist()
    assert not found["age"].values.any()


@pytest.mark.parametrize("seed", range(4))
def test_ages_are_those_of_pandas(seed: int) -> None:
    """At random prefixes, spelled with any zone or none (UTC)."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    event = START + rng.integers(0, DAY, n)
    ages = rng.integers(-DAY, 900 * DAY, n)
    zones = [UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("America/Caracas"), None]
    spelled = []
    for at, age in zip(event.tolist(), ages.tolist(), strict=True):
        moment, zone = datetime.fromtimestamp(at - age, UTC), zones[int(rng.integers(4))]
        spelled.append((moment.replace(tzinfo=None) if zone is None else moment.astimezone(zone)).isoformat())
    found = describe(column(spelled), event * 10**9, "UTC")
    # One by one: of a list with some zones and some times without, pandas reads a time without a zone in the one before it.
    stamps = [pd.Timestamp(text) for text in spelled]
    read = [int((one if one.tzinfo else one.tz_localize("UTC")).timestamp()) for one in stamps]
    expected = event - np.array(read)
    assert found["age"].values.tolist() == expected.tolist() == ages.tolist()
    assert found["future"].values.tolist() == (ages < 0).tolist()


def test_what_is_no_time_is_missing() -> None:
    """Ambiguous dates, prose, very long texts, infinities, numbers beyond nanoseconds, vectors; and it counts as missing."""
    texts = ["01/03/2026", "noon", "", "9" * 50, "inf", "nan", None, "2026-02-30", "2026-03-01"]
    assert times(column(texts))[1].tolist() == [False] * 8 + [True]
    assert times(column([np.inf, -np.inf, np.nan, 1e300, 1.7e9]))[1].tolist() == [False] * 4 + [True]
    assert not times(Column(np.zeros((3, 2), np.float32)))[1].any()
    coded = Column(None, np.array([False, False, True]), Coding(np.array([0, 1, 2], np.int32), ("2026-03-01", "soon")))
    assert times(coded)[1].tolist() == [True, False, False]
    baseline = base(np.random.default_rng(2))
    window = visits(np.random.default_rng(3), 9)
    window = Rows(window.time_ns, window.id, window.row, window.of, {"when": column(texts)})
    found = measure(baseline, profile(window, baseline.grids, MODEL), MODEL)
    missing = next(m.value for m in found if m.metric == "missing_ratio")
    assert missing.value == pytest.approx(8 / 9)


def test_accounts_that_grow_older_drift_and_the_same_ones_do_not() -> None:
    """By the age alone: a hundred days more."""
    rng = np.random.default_rng(4)
    baseline = base(rng)
    assert set(baseline.grids.described) == {"when.age", "when.future", "when.hour_of_week", "when.weekend"}
    assert min(evidence(visits(rng, 500), baseline).values()) > np.log(1e-3)
    older = evidence(visits(rng, 500, older=100.0), baseline)
    assert older["when.age"] < np.log(1e-9) and older["when.hour_of_week"] > np.log(1e-3)


def test_hours_of_times_close_to_their_events_are_not_described() -> None:
    """They would be those of the window."""
    assert set(base(np.random.default_rng(5), days=3.0).grids.described) == {"when.age", "when.future"}


def test_a_baseline_without_times_describes_none() -> None:
    """Age is counted to the event; the quality metrics say so."""
    rng = np.random.default_rng(6)
    baseline = build_baseline(visits(rng, 500), MODEL, time_ordered=False)
    assert not baseline.grids.described
    assert {m.value.status for m in quality(visits(rng, 50), baseline).values()} == {Status.NO_DATA}


def test_freshness_and_future() -> None:
    """The mean age with its interval, and the share ahead, of which the baseline has none."""
    rng = np.random.default_rng(7)
    baseline, window = base(rng, days=10.0), visits(rng, 300, days=10.0, older=-2.0)
    ages = (window.time_ns // 10**9 - window.columns["when"].values) / 1.0
    found = quality(window, baseline)
    fresh, ahead = found["freshness_seconds"].value, found["future_ratio"].value
    assert fresh.value == pytest.approx(ages.mean()) and found["freshness_seconds"].feature == "when"
    assert fresh.low == pytest.approx(ages.mean() - 1.96 * ages.std() / 300**0.5, rel=1e-3)
    assert ahead.value == pytest.approx((ages < 0).mean()) and ahead.reason == "in the baseline 0.0 %"


def test_laws_of_the_described_tiles() -> None:
    """Merged windows are those of their rows, bytes round-trip, and the zone is frozen."""
    rng = np.random.default_rng(8)
    model = MonitoredModel("m", features=(Feature("when", "timestamp", zone="Asia/Tokyo"),))
    baseline = base(rng, model)
    assert decode_baseline(encode_baseline(baseline)).grids.zones == {"when": "Asia/Tokyo"}
    whole = visits(rng, 600, spelled=True)
    parts = [profile(whole.take(slice(i, i + 200)), baseline.grids, MODEL) for i in range(0, 600, 200)]
    merged, once = merge(parts), profile(whole, baseline.grids, model)
    assert once.described.keys() == baseline.grids.described.keys()
    for name, tile in once.described.items():
        assert np.array_equal(merged.described[name].counts, tile.counts)
    assert encode_tileset(decode_tileset(encode_tileset(once))) == encode_tileset(once)


def test_empty_and_single_rows() -> None:
    """A window without rows, without the column, of one row, of none with a time."""
    rng = np.random.default_rng(9)
    baseline = base(rng)
    assert {m.value.status for m in quality(visits(rng, 0), baseline).values()} == {Status.NO_DATA}
    other = visits(rng, 20)
    gone = Rows(other.time_ns, other.id, other.row, other.of, {"other": column([1] * 20)})
    assert {m.value.status for m in quality(gone, baseline).values()} == {Status.UNDEFINED}
    one = quality(visits(rng, 1), baseline)
    assert all(m.value.value is not None for m in one.values())
    unreadable = Rows(other.time_ns, other.id, other.row, other.of, {"when": column(["soon"] * 20)})
    assert {m.value.n_missing for m in quality(unreadable, baseline).values()} == {20}


def test_a_declaration_with_a_zone_reads_back() -> None:
    """And a zone that is none is a fault with its place."""
    document = {"model": "m", "features": {"a": "timestamp", "b": {"timestamp": "Europe/Paris"}}}
    model = MonitoredModel.from_document(document)
    assert [f.zone for f in model.features] == [None, "Europe/Paris"]
    assert MonitoredModel.from_document(model.to_document()) == model
    with pytest.raises(Exception, match=r"features\.b\.timestamp"):
        MonitoredModel.from_document({"model": "m", "features": {"b": {"timestamp": "Paris"}}})


def test_times_out_of_reach_have_an_age() -> None:
    """The years 1 and 9999 do not fit into nanoseconds: they are no time; 1700 and 2200 are."""
    spelled = ["0001-01-01", "9999-12-31", "1700-01-01", "2200-01-01"]
    assert times(column(spelled))[1].tolist() == [False, False, True, True]
    event = np.full(4, START * 10**9)
    years = describe(column(spelled), event, "Europe/Paris")["age"].values.astype(float) / (365.25 * DAY)
    assert years.tolist() == pytest.approx([326.2, -173.8], abs=0.1)
    assert timedelta(seconds=float(years[0] * 365.25 * DAY)) > timedelta(days=100_000)
