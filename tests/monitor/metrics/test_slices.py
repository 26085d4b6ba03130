"""Measurements of slices."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.definitions import Slice
from monitor.findings import AlertKind, Status
from monitor.metrics.registry import measure
from monitor.metrics.slices import SLICED_KINDS
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from tests.monitor.tiles.samples import BINARY, mixed

SLICES = (Slice("men", "sex = 'M'"), Slice("nobody", "rooms > 99"), Slice("tall", "height > 2"))
MODEL = replace(BINARY, slices=SLICES)
BASE = mixed(np.random.default_rng(1), 3_000)
BASELINE = build_baseline(BASE, MODEL, time_ordered=False)


def men(rows: Rows) -> Rows:
    return rows.take(rows.columns["sex"].values == "M")


def test_a_slice_says_what_its_rows_alone_would_say() -> None:
    """Every value, interval and count is that of the men of the window against the men of the baseline."""
    window = mixed(np.random.default_rng(2), 800)
    found = {
        (m.metric, m.feature): m.value
        for m in measure(BASELINE, profile(window, BASELINE.grids, MODEL), MODEL)
        if m.slice == "men"
    }
    grids = BASELINE.grids.of_slices()
    own = replace(BASELINE, grids=grids, tiles=profile(men(BASE), grids, BINARY))
    alone = {
        (m.metric, m.feature): m.value
        for m in measure(own, profile(men(window), grids, BINARY), replace(BINARY, groups=()))
        if m.kind in SLICED_KINDS
    }
    assert found == alone
    assert {"js_distance", "accuracy", "missing_ratio"} <= {metric for metric, _ in found}


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nobody", "no row of the window is in this slice"), ("tall", "the baseline's rows lack a column")],
)
def test_a_slice_without_rows_says_why(name: str, reason: str) -> None:
    """A status with a reason for each metric, never a number."""
    window = mixed(np.random.default_rng(2), 800)
    found = [m for m in measure(BASELINE, profile(window, BASELINE.grids, MODEL), MODEL) if m.slice == name]
    assert found
    assert {m.value.status for m in found} == {Status.NO_DATA}
    assert all(reason in (m.value.reason or "") for m in found)


def test_what_is_told_of_the_whole_alone() -> None:
    """Fairness has groups of its own; anomalies, attributions and pairs are not sliced."""
    window = profile(mixed(np.random.default_rng(2), 800), BASELINE.grids, MODEL)
    found = measure(BASELINE, window, MODEL)
    assert not [m for m in found if m.slice in ("men", "nobody", "tall") and m.kind is AlertKind.FAIRNESS]
    assert not [m for m in found if m.slice == "men" and "~" in (m.feature or "")]
