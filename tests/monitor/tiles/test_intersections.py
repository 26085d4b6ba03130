"""Intersections of group columns, from the declaration to their measurements."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.errors import InvalidInput
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.intersections import group_column
from monitor.tiles.profile import profile
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import SECOND, START, House, closed, labelled, minute, population
from tests.monitor.tiles.samples import rows

MODEL = MonitoredModel(
    "m",
    task="binary",
    prediction=Prediction(class_="yhat"),
    label=Label("y"),
    groups=("sex", "race", "sex & race"),
)


def test_they_are_declared_as_lists() -> None:
    """And read back from what is written."""
    read = MonitoredModel.from_document({"model": "m", "groups": ["SEX", ["SEX", "RAC1P"]]})
    assert read.groups == ("SEX", "SEX & RAC1P")
    assert MonitoredModel.from_document(read.to_document()) == read


@pytest.mark.parametrize(
    ("groups", "place"),
    [
        ([["SEX"]], "groups[0]"),
        ([["a", "b", "c", "d"]], "groups[0]"),
        ([["a", 7]], "groups[0][1]"),
        ([["a", "b"], "a & b"], "groups"),
    ],
)
def test_faults_have_their_place(groups: object, place: str) -> None:
    """One column is no intersection, four hardly have rows."""
    with pytest.raises(InvalidInput) as caught:
        MonitoredModel.from_document({"model": "m", "groups": groups})
    assert place in [fault.where for fault in caught.value.faults]


def test_a_row_is_where_its_values_are() -> None:
    """In canonical form; without a value in one column it is in none."""
    made = rows({"a": [1, 2, 1, 2], "b": ["x", "x", None, "y"], "c": [True, True, True, False]})
    column = group_column(made, "a & b & c")
    assert column is not None and column.missing is not None
    assert column.values[[0, 1, 3]].tolist() == ["1 & x & true", "2 & x & true", "2 & y & false"]
    assert column.missing.tolist() == [False, False, True, False]
    assert group_column(made, "a & z") is None and group_column(made, "z") is None


def test_disparity_that_neither_column_has_is_seen() -> None:
    """Selected where sex and race agree: each alone is even, together they are not. Values are those of plain shares."""
    rng = np.random.default_rng(1)
    n = 4_000
    sex, race = rng.choice(["f", "m"], n), rng.choice(["u", "v", "w"], n, p=[0.5, 0.49, 0.01])
    said = (rng.random(n) < np.where((sex == "f") == (race == "u"), 0.6, 0.3)).astype(int)
    made = rows({"sex": list(sex), "race": list(race), "yhat": said}, label=rng.integers(0, 2, n))
    baseline = build_baseline(made, MODEL, time_ordered=False)
    groups = baseline.grids.groups["sex & race"]
    assert set(groups) == {f"{s} & {r}" for s in "fm" for r in "uv"}  # of w there are about twenty of each: too few
    found = {
        m.slice: m.value
        for m in measure(baseline, profile(made, baseline.grids, MODEL), MODEL)
        if m.metric == "parity_difference"
    }
    assert abs(found["sex=m" if "sex=m" in found else "sex=f"].value or 0.0) < 0.06
    base = groups[0]

    def share(group: str) -> float:
        s, r = group.split(" & ")
        return float(said[(sex == s) & (race == r)].mean())

    gaps = []
    for group in groups[1:]:
        value = found[f"sex & race={group}"].value
        assert value == pytest.approx(share(group) - share(base), abs=1e-12)
        gaps.append(abs(value or 0.0))
    assert max(gaps) > 0.25


def test_a_monitor_takes_them_whole(tmp_path: Path) -> None:
    """Declared, served, estimated and closed like any group; an alert on them finds its cause without tripping."""
    house = House(tmp_path)
    house.declare(groups=["sex", ["sex", "hand"]], checks={"fairness": {"parity_difference": [-0.05, 0.05]}})

    def with_hands(served: Rows, seed: int) -> Rows:
        hand = np.where(np.random.default_rng(seed).random(len(served)) < 0.5, "left", "right").astype(object)
        return replace(served, columns={**served.columns, "hand": Column(hand)})

    day = 86_400 * SECOND
    house.baseline(labelled(with_hands(population(3_000, seed=1, start_ns=START - day), 1), seed=2))
    for i in range(3):
        served = with_hands(population(600, seed=5 + i, start_ns=minute(i), name=f"w{i}"), 5 + i)
        if i == 2:
            refused = (served.columns["sex"].values == "f") & (served.columns["hand"].values == "left")
            served.columns["yhat"].values[refused] = 0
        house.serve(served)
    house.at(closed(2))
    found = {f.slice: f for f in house.findings("parity_difference") if f.window.start_ns == minute(2)}
    assert "sex & hand=f & left" in found or "sex & hand=f & right" in found
    worst = max((abs(f.value or 0.0), f.slice) for f in found.values())[1]
    assert worst is not None and worst.startswith("sex & hand=")
    assert ("fairness", "firing") in house.transitions()
    house.close()
