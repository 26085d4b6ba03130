"""What an alert keeps of a merge is what its windows say when they are counted once more; of attributions too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.findings import Alert, AlertKind
from monitor.jobs.expire import Retention
from monitor.jobs.recompute import merged_windows, recompute, rows_are_gone, stored_only
from monitor.jobs.recompute_exhibits import ExhibitCheck, merged_as_looked, recomputed_exhibits
from monitor.jobs.set_baseline import set_baseline
from monitor.ports import WindowEntry
from monitor.scheduler import Scheduler
from monitor.tiles.attribution import AttributionTile
from monitor.tiles.encoding import decode_baseline, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import TileSet
from monitor.windows.trailing import Pyramid, extend
from tests.monitor.jobs.house import MODEL, House, closed, labelled, minute, population

WINDOWS = 12


def faintly(house: House) -> None:
    """A shift that one window does not show and a merge does."""
    house.declare()
    house.baseline(labelled(population(4_000, seed=1, start_ns=minute(-90)), seed=2))
    for number in range(WINDOWS):
        house.serve(population(150, seed=10 + number, start_ns=minute(number), name=f"w{number}-", shift=5.0))
        house.at(closed(number))


def open_alert(house: House, kind: AlertKind) -> Alert:
    return next(a for a in house.catalog.alerts(MODEL) if a.kind is kind and a.state == "firing")


def checked(house: House, kind: AlertKind) -> ExhibitCheck:
    """As the command does it that stands with the alert."""
    alert, entry, known = open_alert(house, kind), house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert alert.exhibit is not None and entry is not None and known is not None
    last = next(w for w in house.windows() if w.span == alert.exhibit.window)
    windows = merged_windows(house.catalog, last, max(line.windows for line in alert.features), labelled=False)
    tiles = [counted(house, window) for window in windows]
    baseline = decode_baseline(entry.profile)
    found = recomputed_exhibits(house.catalog, baseline, windows, tiles, labelled=False)
    return next(one for one in found if one.kind == kind.value)


def counted(house: House, window: WindowEntry) -> TileSet:
    known = house.catalog.model(MODEL)
    assert known is not None
    if rows_are_gone(house.catalog, window):
        return stored_only(house.catalog, window).tiles
    return recompute(house.catalog, house.store, known.in_force(), window).tiles


def test_the_merge_behind_an_alert_is_equal_to_the_bit(house: House) -> None:
    """Several windows counted from their rows and merged give every count that the alert kept."""
    faintly(house)
    alert = open_alert(house, AlertKind.DRIFT)
    assert max(line.windows for line in alert.features) > 1
    found = checked(house, AlertKind.DRIFT)
    assert alert.exhibit is not None
    assert (found.equal, found.compared, found.left_out) == (True, len(alert.exhibit.comparisons), None)


def test_it_holds_when_the_rows_of_some_windows_are_past_their_retention(house: House) -> None:
    """Their tiles stand for them; a count that differs is found all the same."""
    faintly(house)
    alert = open_alert(house, AlertKind.DRIFT)
    assert alert.exhibit is not None and alert.exhibit.window.start_ns is not None
    old = [s.id for s in house.catalog.segments("predictions", MODEL) if s.end_ns < alert.exhibit.window.start_ns]
    house.catalog.drop_segments(old)
    found = checked(house, AlertKind.DRIFT)
    assert found.equal and found.compared
    newest = alert.exhibit.window.start_ns
    house.serve(population(9, seed=77, start_ns=newest, seconds=30.0, name="late-", shift=50.0))
    assert checked(house, AlertKind.DRIFT).differences[0] == "age"


def test_merges_are_made_as_they_were_looked_at(house: House) -> None:
    """Halves of halves: a sum of floats depends on its order."""
    faintly(house)
    tiles = [counted(house, window) for window in house.windows()[:8]]
    pyramid: Pyramid[TileSet] = Pyramid()
    for each in tiles:
        pyramid, due = extend(pyramid, each, merge)
    assert encode_tileset(merged_as_looked(tiles)) == encode_tileset(due[8])


def explained(rows: Rows) -> tuple[list[dict[str, object]], AttributionTile]:
    """A model that leans on age, on sex and on the hour; on old people otherwise."""
    age = rows.columns["age"].values.astype(float)
    old = age.mean() > 45
    phi = np.column_stack([np.abs(age - 40) * (0.1 if old else 1.0), np.full(len(age), 3.0), np.full(len(age), 2.0)])
    features = ("age", "sex", "hour")
    return [], AttributionTile(features, len(age), phi.sum(axis=0), phi.sum(axis=0), np.square(phi).sum(axis=0))


@pytest.fixture
def explaining(house: House) -> House:
    """What is allowed of the ranks of attributions is declared; from the third window on the model leans elsewhere."""
    house.context = replace(house.context, explainer_of=lambda _: explained)
    house.scheduler = Scheduler(house.context, retention=Retention(), patient=False)
    house.declare(checks={"attribution": {"tolerance": {"attribution_rank_correlation": [0.8, 1.0]}}, "drift": False})
    entry = house.catalog.model(MODEL)
    assert entry is not None
    rows = labelled(population(4_000, seed=1, start_ns=minute(-90)), seed=2)
    set_baseline(
        MODEL, rows, entry.declaration, house.catalog, house.store, house.now_ns, time_ordered=True,
        explainer=explained,
    )  # fmt: skip
    for number in range(8):
        house.serve(
            population(
                300,
                seed=10 + number,
                start_ns=minute(number),
                name=f"w{number}-",
                shift=10.0 if 2 <= number < 4 else 0.0,
            )
        )
        house.at(closed(number))
    return house


def test_an_alert_of_attributions_keeps_the_part_of_each_feature(explaining: House) -> None:
    """Of the baseline and of the window, with how many predictions were explained."""
    told = [t for t in explaining.catalog.transitions(MODEL) if t.kind is AlertKind.ATTRIBUTION]
    assert [t.state.value for t in told] == ["firing", "resolved"]
    exhibit = told[0].exhibit
    assert exhibit is not None
    (shown,) = exhibit.comparisons
    assert (shown.feature, shown.n_baseline, shown.n_window) == ("attribution", 4_000, 300)
    assert shown.overlay.categories == ("age", "sex", "hour")
    rows = population(300, seed=12, start_ns=minute(2), shift=10.0)
    _, tile = explained(rows)
    parts = 10_000 * tile.absolute_sums / tile.absolute_sums.sum()
    assert shown.overlay.window_counts == tuple(np.rint(parts).astype(int))
    assert shown.overlay.baseline[0] > shown.overlay.baseline[1] > shown.overlay.baseline[2]
    assert shown.top[0].name in ("age", "sex")
