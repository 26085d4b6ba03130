"""A candidate beside its champion, live: told when it is worse, quiet when it is alike, within one budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.alerts.budget import Plan, families_present
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind
from monitor.jobs.backfill import backfill
from monitor.ports import Labels
from monitor.segments.rows_table import from_tables, to_table
from monitor.tiles.encoding import decode_baseline, decode_tileset
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
