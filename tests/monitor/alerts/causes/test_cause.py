"""Whole records of causes: a planted story each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from monitor.alerts.causes.cause import case_of, cause_of
from monitor.findings import AlertKind, AlertStatus, Cause, FeatureScore, Span, Transition, cause_document
from monitor.tiles.baseline import build_baseline
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from tests.monitor.alerts.causes.populations import MODEL, columns, truth
from tests.monitor.tiles.samples import rows

MINUTE = 60 * 10**9
WINDOWS, AT, N = 20, 14, 400
Table = dict[str, Any]


def table(seed: int, n: int) -> Table:
    return columns(np.random.default_rng(seed), n)


def labelled(changed: Table, seed: int, wrong: Any = 0.0, start: int = 0) -> Rows:
    return rows(changed, truth(np.random.default_rng(seed), changed, wrong), start)


BASE = labelled(table(1, 6_000), 2)
BASELINE = build_baseline(BASE, MODEL, time_ordered=False)


def told(
    kind: AlertKind,
    line: FeatureScore,
    change: Callable[[Table], Table] = lambda t: t,
    wrong: Callable[[Table], Any] = lambda _: 0.0,
) -> Cause:
    """The cause of an alert that opened in the last of twenty windows, changed since the fourteenth."""
    windows = []
    for number in range(WINDOWS):
        fresh = table(100 + number, N)
        if number >= AT:
            fresh = change(fresh)
        windows.append(labelled(fresh, 200 + number, wrong(fresh) if number >= AT else 0.0, number * N))
    spans = [Span(i * MINUTE, (i + 1) * MINUTE) for i in range(WINDOWS)]
    history = [(span, profile(window, BASELINE.grids, MODEL)) for span, window in zip(spans, windows, strict=True)]
    transition = Transition("f", "m", "1", kind, AlertStatus.FIRING, 0, spans[-1], 1.0, 0.5, (line,))
    changed = merge_rows(windows[AT:])
    return cause_of(case_of(transition, MODEL, BASELINE, history, changed, BASE))


def merge_rows(parts: list[Rows]) -> Rows:
    from monitor.jobs.columns import concatenated  # noqa: PLC0415

    sizes = [len(p) for p in parts]
    return Rows(
        time_ns=np.concatenate([p.time_ns for p in parts]),
        id=np.concatenate([p.id for p in parts]),
        row=np.concatenate([p.row for p in parts]),
        of=np.concatenate([p.of for p in parts]),
        columns={name: concatenated([p.columns[name] for p in parts], sizes) for name in parts[0].columns},
        label=concatenated([p.label for p in parts], sizes),
    )


def test_a_unit_that_changed_is_a_fault_of_the_data() -> None:
    """Named with its factor, since the window in which it began."""
    cause = told(
        AlertKind.DRIFT,
        FeatureScore("age", "js_distance", 4.0, 0.5, "mean 88"),
        lambda t: t | {"age": t["age"] * 2.20462},
    )
    assert (cause.verdict, cause.feature) == ("data_fault", "age")
    assert "pounds for kilograms" in cause.evidence
    assert cause.since is not None
    assert (cause.since.at_ns, cause.since.low_ns, cause.since.high_ns) == (AT * MINUTE,) * 3
    assert cause.slices == ()


def test_a_mixture_that_changed_is_another_population() -> None:
    """With the part of it in which it changed, and rows of the bin that gained."""

    def change(t: Table) -> Table:
        rng = np.random.default_rng(9)
        moved = (t["sex"] == "2") & (rng.random(N) < 0.7)
        return t | {"city": np.where(moved, "paris", t["city"]).astype(object)}

    cause = told(AlertKind.DRIFT, FeatureScore("city", "js_distance", 4.0, 0.3, "city = paris: 40 %"), change)
    assert (cause.verdict, cause.feature) == ("population_shift", "city")
    assert cause.slices[0].where == "sex = 2"
    assert cause.slice == "sex = 2" and "most where sex = 2" in cause.summary
    assert len(cause.examples) == 10


def test_a_relation_that_changed_is_told_from_inputs_that_did_not() -> None:
    """Every input is as in the baseline: what it means has changed, for those over fifty-two."""
    cause = told(
        AlertKind.PERFORMANCE,
        FeatureScore("accuracy", "accuracy", 2.0, 0.1, "0.6 against 0.7"),
        wrong=lambda t: 0.7 * (t["age"] > 50),
    )
    assert cause.verdict == "relation_change" and cause.feature is None
    assert cause.slices[0].where.startswith("age > ")
    assert cause.since is not None and cause.since.low_ns <= AT * MINUTE <= cause.since.high_ns


def test_a_drop_that_the_inputs_bring_is_their_shift() -> None:
    """More of the middle scores, where the model is wrong most: the age explains the drop."""
    cause = told(
        AlertKind.PERFORMANCE,
        FeatureScore("accuracy", "accuracy", 2.0, 0.1, "0.6 against 0.7"),
        narrowed,
    )
    assert (cause.verdict, cause.feature) == ("population_shift", "age")
    assert cause.impacts[0].feature == "age" and cause.impacts[0].low > 0
    assert cause.impacts_of == "error"


def narrowed(t: Table) -> Table:
    rng = np.random.default_rng(int(t["age"][0] * 1e6) % 2**32)
    age = rng.normal(40, 3, N)
    score = np.clip(0.5 + (age - 40) / 60 + rng.normal(0, 0.15, N), 0.01, 0.99)
    return t | {"age": age, "p": score, "yhat": (score > 0.5).astype(np.int64)}


@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_kind_has_a_cause_that_is_strict_json(kind: AlertKind) -> None:
    """Whatever it is about; lines that no tile knows included."""
    import json  # noqa: PLC0415

    line = FeatureScore("sex=2", "parity_difference", 2.0, 0.1, None, "sex=2")
    cause = told(kind, line)
    json.dumps(cause_document(cause), allow_nan=False)
    assert cause.summary


def test_without_the_baselines_rows_the_rest_is_told() -> None:
    """They are past their retention: no slices, no impacts, but a verdict and a time."""
    fresh = [table(100 + i, N) for i in range(WINDOWS)]
    fresh[AT:] = [t | {"age": t["age"] + 20} for t in fresh[AT:]]
    windows = [labelled(t, i, start=i * N) for i, t in enumerate(fresh)]
    history = [(Span(i * MINUTE, (i + 1) * MINUTE), profile(w, BASELINE.grids, MODEL)) for i, w in enumerate(windows)]
    line = FeatureScore("age", "js_distance", 4.0, 0.5, "mean 60")
    span = history[-1][0]
    transition = Transition("f", "m", "1", AlertKind.DRIFT, AlertStatus.FIRING, 0, span, 1.0, 0.5, (line,))
    cause = cause_of(case_of(transition, MODEL, BASELINE, history, windows[-1], None))
    assert (cause.verdict, cause.slices, cause.impacts, cause.candidates) == ("population_shift", (), (), 0)
    assert cause.since is not None and cause.since.at_ns == AT * MINUTE
    assert merge([t for _, t in history]).rows == WINDOWS * N
