"""A candidate beside its champion, live: told when it is worse, quiet when it is alike, within one budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.alerts.budget import Plan, families_present
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind
from monitor.jobs.backfill import backfill
from monitor.jobs.track import load_progress, load_track, progress_key
from monitor.ports import Labels
from monitor.segments.rows_table import from_tables, to_table
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_tileset
from monitor.tiles.rows import Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, START, House, closed, labelled, minute, population, truth_of

N = 400
VERSIONS = {"champion": "1", "candidates": ["2"], "mode": "canary"}


def timed(rows: Rows, *, seed: int, slower: float = 1.0) -> Rows:
    """Log-normal latencies about 20 ms."""
    rng = np.random.default_rng(seed)
    seconds = 0.02 * slower * np.exp(rng.normal(0, 0.3, len(rows)))
    return replace(rows, duration_ns=(seconds * 1e9).astype(np.int64))


def refuse(house: House, number: int, version: str, count: int) -> None:
    """Some requests of the window are refused."""
    start = minute(number)
    failed = population(count, seed=900 + number, start_ns=start, name=f"bad{version}-{number}-")
    failed = replace(failed, columns={}, duration_ns=np.full(count, 10**6))
    house.catalog.put_segments([house.store.write_rows(MODEL, version, failed, house.now_ns, "failures")])


def served(house: House, windows: int, *, slower: float = 1.0, failing: int = 2, flipped: float = 0.0) -> None:
    """Both versions in every window; the candidate as the arguments say."""
    for number in range(windows):
        for version, seed in (("1", 10), ("2", 20)):
            rows = population(N, seed=seed + 100 * number, start_ns=minute(number), name=f"v{version}-{number}-")
            candidate = version == "2"
            house.serve(timed(rows, seed=seed + number, slower=slower if candidate else 1.0), version)
            refuse(house, number, version, failing if candidate else 2)
            ids, values = truth_of(rows, seed=seed + number, flipped=flipped if candidate else 0.0)
            house.label(ids, values)
        house.at(closed(number))


def served_by_champion(house: House, number: int) -> None:
    rows = population(N, seed=10 + 100 * number, start_ns=minute(number), name=f"v1-{number}-")
    house.serve(timed(rows, seed=10 + number), "1")
    refuse(house, number, "1", 2)


def told(house: House) -> list[tuple[str | None, str, str]]:
    return [(t.version, t.kind.value, t.state.value) for t in house.catalog.transitions(MODEL)]


@pytest.fixture
def watching(house: House) -> House:
    house.declare(versions=VERSIONS)
    house.baseline(labelled(population(8_000, seed=1), seed=2))
    return house


def test_versions_that_are_alike_are_quiet(watching: House) -> None:
    """Twelve windows of both; what the candidate was held against is kept with its tiles."""
    served(watching, 12)
    assert told(watching) == []
    window = watching.windows(version="2")[-1]
    data = watching.catalog.tiles(MODEL, "2", "1m", window.span)
    assert data is not None
    tiles = decode_tileset(data)
    assert tiles.rival is not None and tiles.rival.service is not None and tiles.service is not None
    assert (tiles.rival.rows, tiles.rival.service.exchanges, tiles.service.exchanges) == (N, N + 2, N + 2)
    own = watching.windows(version="1")[-1]
    other = watching.catalog.tiles(MODEL, "1", "1m", own.span)
    assert other is not None and decode_tileset(other).rival is None


def test_a_slow_canary_speaks(watching: House) -> None:
    """Half as slow again: within three windows, with the numbers of both, and of the champion nothing is said."""
    served(watching, 3, slower=1.5)
    assert told(watching) == [("2", "quality", "firing")]
    (alert,) = [a for a in watching.catalog.alerts(MODEL) if a.state == "firing"]
    first = alert.features[0]
    assert (first.metric, first.feature) == ("latency", "against the champion")
    assert first.detail is not None and "ms against" in first.detail
    assert alert.cause is not None and "the service, not the data" in alert.cause.summary


def test_a_failing_canary_speaks(watching: House) -> None:
    """A tenth of its requests are refused where the champion refuses one in two hundred."""
    served(watching, 3, failing=40)
    assert told(watching) == [("2", "quality", "firing")]
    (alert,) = [a for a in watching.catalog.alerts(MODEL) if a.state == "firing"]
    assert alert.features[0].metric == "error_ratio"
    assert [f.value for f in watching.findings("error_ratio") if f.version == "2"][-1] == pytest.approx(40 / 440)


def test_a_canary_that_is_wrong_more_often_speaks(watching: House) -> None:
    """A third of its labels turned round: performance, against the champion too."""
    served(watching, 4, flipped=0.35)
    assert ("2", "performance", "firing") in told(watching)
    (alert,) = [a for a in watching.catalog.alerts(MODEL) if a.kind is AlertKind.PERFORMANCE and a.state == "firing"]
    assert "against the champion" in {line.feature for line in alert.features}


def test_the_budget_is_split_over_the_declared_versions(watching: House) -> None:
    """So that both together spend what the model may."""
    model = MonitoredModel.from_document(DECLARATION)
    entry = watching.catalog.baseline(MODEL)
    assert entry is not None
    families = families_present(model, decode_baseline(entry.profile))
    alone = Plan.of(model, families, looks_per_month=1_000)
    three = MonitoredModel.from_document(
        DECLARATION | {"versions": {"champion": "1", "candidates": ["2", "3"], "mode": "ab"}}
    )
    each = Plan.of(three, families, looks_per_month=1_000)
    assert 3 * each.alpha == pytest.approx(alone.alpha)
    assert "over 3 versions" in each.origin


def test_a_restart_changes_nothing(watching: House) -> None:
    """The merges of a candidate hold the champion's: they are made of stored tiles."""
    served(watching, 2, slower=1.05)
    watching.restart()
    assert told(watching) == []
    assert watching.now_ns > START


def test_a_backfill_beside_the_champions_rows_says_the_same(house: House) -> None:
    """Every step of the candidate's alerts, live and in memory, with a third of its labels turned round."""
    house.declare(versions=VERSIONS)
    house.baseline(labelled(population(8_000, seed=1), seed=2))
    parts: dict[str, list[Rows]] = {"1": [], "2": []}
    ids, values = [], []
    for number in range(5):
        for version, seed in (("1", 10), ("2", 20)):
            rows = population(N, seed=seed + 100 * number, start_ns=minute(number), name=f"v{version}-{number}-")
            parts[version].append(rows)
            house.serve(rows, version)
            found = truth_of(rows, seed=seed + number, flipped=0.35 if version == "2" else 0.0)
            house.label(*found)
            ids, values = [*ids, found[0]], [*values, found[1]]
        house.at(closed(number))
    entry, stored = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None and stored is not None
    truth = Labels(np.concatenate(ids), np.concatenate(values), np.zeros(sum(map(len, ids)), np.int64))
    champion, candidate = (from_tables([to_table(part) for part in parts[version]]) for version in ("1", "2"))
    baseline = decode_baseline(entry.profile)
    steps = list(backfill(candidate, truth, stored.in_force(), baseline, version="2", against=champion))
    replayed = [t for step in steps for t in step.looked.transitions]
    lived = [t for t in house.catalog.transitions(MODEL) if t.version == "2"]
    assert [(t.kind, t.state, t.window, t.features) for t in replayed] == [
        (t.kind, t.state, t.window, t.features) for t in lived
    ]
    last = steps[-1].states[0].values()
    assert "against the champion" in {line.feature for alert in last for line in alert.features}


def test_a_candidate_that_refuses_everything_from_its_start_speaks(watching: House) -> None:
    """It has no row, and so nothing but its refusals says that it is there: told with its first window, and of that alone."""
    for number in range(3):
        served_by_champion(watching, number)
        refuse(watching, number, "2", N)
        watching.at(closed(number))
        assert told(watching) == [("2", "quality", "firing")]
    (alert,) = [a for a in watching.catalog.alerts(MODEL) if a.state == "firing"]
    assert alert.window is not None and alert.window.start_ns == minute(2)
    (line,) = alert.features
    assert (line.metric, line.feature) == ("error_ratio", "against the champion")
    summary = watching.catalog.transitions(MODEL)[0].summary
    assert summary == f"Data quality fell: against the champion: 100.00 % refused against 0.50 %, {N} exchanges"
    assert alert.cause is not None and "the service, not the data" in alert.cause.summary
    windows = watching.windows(version="2")
    assert [(w.n_window, w.status.value) for w in windows] == [(0, "critical")] * 3
    assert windows[0].reason == f"no rows: all {N} exchanges were refused"


def test_a_candidate_that_begins_to_refuse_everything_has_windows_as_long_as_it_is_asked(watching: House) -> None:
    """More windows than are told of a version nobody asks; when it answers again and goes on, the alert is over."""
    for number in range(12):
        served_by_champion(watching, number)
        if 2 <= number < 8:
            refuse(watching, number, "2", N)
        else:
            rows = population(N, seed=20 + 100 * number, start_ns=minute(number), name=f"v2-{number}-")
            watching.serve(timed(rows, seed=20 + number), "2")
        watching.at(closed(number))
    assert [w.n_window for w in watching.windows(version="2")] == [N] * 2 + [0] * 6 + [N] * 4
    assert told(watching) == [("2", "quality", "firing"), ("2", "quality", "resolved")]


def test_a_restart_among_refusals_remembers_the_same(watching: House) -> None:
    """Windows without rows are looks too: the merges after them are those of a monitor that went on."""
    kept = []
    for number in range(7):
        served_by_champion(watching, number)
        if number in (2, 3):
            refuse(watching, number, "2", N)
        else:
            rows = population(N, seed=20 + 100 * number, start_ns=minute(number), name=f"v2-{number}-")
            watching.serve(timed(rows, seed=20 + number), "2")
        watching.at(closed(number))
    place = next(place for place in watching.scheduler._closers if place.version == "2")
    before = watching.scheduler._closers[place].track
    entry = watching.catalog.baseline(MODEL)
    assert entry is not None
    progress = load_progress(watching.catalog, progress_key(MODEL, "2", place.rule))
    after = load_track(watching.catalog, place, decode_baseline(entry.profile), progress)
    for pyramid in (before.inputs, after.inputs):
        kept.append((pyramid.looks, [[encode_tileset(block) for block in level] for level in pyramid.levels]))
    assert kept[0] == kept[1]


def test_a_version_that_is_only_named_in_refused_requests_is_none(watching: House) -> None:
    """What a request asks for may be anything: only what is declared, or has answered, is a version."""
    served_by_champion(watching, 0)
    refuse(watching, 0, "anything", N)
    watching.at(closed(0))
    assert watching.catalog.versions(MODEL) == ["1"]
