"""What a broken column looks like, and what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor.alerts.causes.faults import fault_of
from monitor.definitions import MonitoredModel
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

RNG = np.random.default_rng(1)
N = 4_000
MODEL = MonitoredModel("m")


def table(n: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "weight": rng.normal(75, 12, n),
        "celsius": rng.normal(15, 8, n),
        "gain": rng.normal(0.5, 1, n),
        "city": rng.choice(["Rome", "Oslo", "Lima"], n).astype(object),
        "code": rng.choice(["007", "12"], n).astype(object),
        "child": rng.choice(["no", "yes"], n, p=[0.8, 0.2]).astype(object),
    }


BASELINE = build_baseline(rows(table(N, 1)), MODEL, time_ordered=False)


def fault(feature: str, **changed: Any) -> str | None:
    fresh = table(1_000, 2)
    window = rows(
        {name: changed.get(name, values) for name, values in fresh.items() if changed.get(name, 1) is not None}
    )
    return fault_of(feature, BASELINE, profile(window, BASELINE.grids, MODEL), window)


FRESH = table(1_000, 3)


@pytest.mark.parametrize(
    ("feature", "values", "said"),
    [
        ("weight", FRESH["weight"] * 2.20462, "pounds for kilograms"),
        ("weight", FRESH["weight"] * 1000, "thousands"),
        ("weight", FRESH["weight"] / 1000, "thousandths"),
        ("celsius", FRESH["celsius"] * 1.8 + 32, "Fahrenheit where it was Celsius"),
        ("gain", -FRESH["gain"], "opposite sign"),
        ("weight", np.full(1_000, 75.0), "is one value in every row"),
        ("weight", [None] * 100 + FRESH["weight"][100:].tolist(), "missing or no value of its kind: 10.0 %"),
        ("weight", ["heavy"] * 1_000, "no usable value"),
        ("weight", None, "is gone from the rows"),
        ("city", [c.upper() for c in FRESH["city"]], "spells its categories anew"),
        ("code", [c.lstrip("0") for c in FRESH["code"]], "spells its categories anew ('7' for '007')"),
        ("city", ["Quito"] * 200 + FRESH["city"][200:].tolist(), "categories that the baseline never saw: 20.0 %"),
        ("city", ["Rome"] * 1_000, "is 'Rome' in every row"),
    ],
)
def test_a_fault_is_told_with_its_evidence(feature: str, values: Any, said: str) -> None:
    """The first that fits."""
    assert said in (fault(feature, **{feature: values}) or "")


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        ("weight", FRESH["weight"] + 20),
        ("weight", 75 + 2 * (FRESH["weight"] - 75)),
        ("celsius", FRESH["celsius"] + 10),
        ("gain", FRESH["gain"]),
        ("child", ["no"] * 1_000),
        ("gain", 3 * FRESH["gain"] - 4),
        ("city", ["Rome"] * 600 + FRESH["city"][600:].tolist()),
    ],
)
def test_a_shift_of_the_population_is_no_fault(feature: str, values: Any) -> None:
    """Another mean, another spread, another mixture."""
    assert fault(feature, **{feature: values}) is None
