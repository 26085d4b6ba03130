"""A pipeline of two models: what passed it, how long each took, and who changed first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.definitions import MonitoredModel
from monitor.findings import AlertStatus, Span
from monitor.jobs.declare_model import declare_model
from monitor.jobs.pipelines import components, fed_by, order_of_changes, passage, upstream_now
from monitor.jobs.set_baseline import set_baseline
from monitor.tiles.rows import Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, WINDOW, House, closed, labelled, minute, population

FEATURES = "features-v2"
N = 300


def tied(rows: Rows, number: int, *, late_ns: int = 0, took_ns: int = 20 * 10**6) -> Rows:
    """The i-th request of a window has the same trace in every model."""
    traces = np.array([f"{number:016x}{i:016x}" for i in range(len(rows))], object)
    return replace(
        rows, trace=traces, time_ns=rows.time_ns + late_ns, duration_ns=np.full(len(rows), took_ns, np.int64)
    )


def put(house: House, model: str, rows: Rows, kind: Any = "predictions") -> None:
    house.catalog.put_segments([house.store.write_rows(model, "1", rows, house.now_ns, kind)])


@pytest.fixture
def pipeline(house: House) -> House:
    """`features-v2` feeds `income`."""
    document = DECLARATION | {"model": FEATURES}
    document.pop("label")
    first = MonitoredModel.from_document(document)
    declare_model(first, house.catalog, house.store, house.now_ns)
    rows = population(8_000, seed=1)
    set_baseline(FEATURES, rows, first, house.catalog, house.store, house.now_ns, time_ordered=True)
    house.declare(upstream=[FEATURES])
    house.baseline(labelled(population(8_000, seed=2), seed=3))
    return house


def test_requests_that_pass_are_tied_by_trace(pipeline: House) -> None:
    """30 of 300 are refused by the second model, 60 never reach it; each stage has its time, and the whole way its own."""
    house = pipeline
    first = tied(population(N, seed=5, start_ns=minute(0), name="a"), 0)
    second = tied(population(N, seed=6, start_ns=minute(0), name="b"), 0, late_ns=30 * 10**6, took_ns=40 * 10**6)
    put(house, FEATURES, first)
    put(house, MODEL, second.take(slice(0, 210)))
    refused = second.take(slice(210, 240))
    put(house, MODEL, replace(refused, columns={}), "failures")
    found = components(house.catalog, MODEL)
    assert [(c.model, c.depth, c.upstream) for c in found] == [(FEATURES, 1, ()), (MODEL, 0, (FEATURES,))]
    assert fed_by(house.catalog, FEATURES) == [MODEL]
    told = passage(house.catalog, house.store, found, Span(minute(0), minute(1)))
    assert (told.requests, told.passed, told.share, told.reason) == (300, 210, 0.7, None)
    assert told.low is not None and told.high is not None and told.low < 0.7 < told.high
    stages = {one.model: one for one in told.stages}
    assert (stages[FEATURES].reached, stages[FEATURES].answered) == (300, 300)
    assert (stages[MODEL].reached, stages[MODEL].answered, stages[MODEL].failed) == (240, 210, 30)
    assert (stages[FEATURES].p50, stages[MODEL].p50) == (pytest.approx(0.02), pytest.approx(0.04))
    assert told.p50 == pytest.approx(0.07)


def test_what_cannot_be_told_has_a_reason(pipeline: House) -> None:
    """Without traces, with sampling, with a model that nobody knows."""
    house = pipeline
    rows = population(N, seed=5, start_ns=minute(0), name="a")
    span = Span(minute(0), minute(1))
    put(house, FEATURES, rows)
    found = components(house.catalog, MODEL)
    assert "traceparent" in (passage(house.catalog, house.store, found, span).reason or "")
    put(house, FEATURES, replace(tied(rows, 0), inclusion=np.full(N, 0.5)))
    told = passage(house.catalog, house.store, found, span)
    assert told.share is None and "sampled" in (told.reason or "")
    house.declare(upstream=["nobody"])
    alone = components(house.catalog, MODEL)
    assert [(c.model, c.known) for c in alone] == [("nobody", False), (MODEL, True)]
    assert "no other model" in (passage(house.catalog, house.store, alone, span).reason or "")


def test_the_first_to_drift_is_named_on_the_alert_downstream(pipeline: House) -> None:
    """The first model's inputs shift from window 4 on, the second's from window 7 on: its alert says who was first, and when."""
    house = pipeline
    for number in range(10):
        start = minute(number)
        put(house, FEATURES, tied(population(N, seed=50 + number, start_ns=start, shift=20 * (number >= 4)), number))
        put(house, MODEL, tied(population(N, seed=90 + number, start_ns=start, shift=20 * (number >= 7)), number))
        house.at(closed(number))
    own = next(a for a in house.catalog.alerts(MODEL) if a.kind == "drift")
    assert own.state is AlertStatus.FIRING and own.cause is not None
    first = own.cause.upstream[0]
    assert (first.model, first.feature, first.windows_earlier, first.sure) == (FEATURES, "age", 3, True)
    assert first.since.at_ns == minute(4)
    assert f"upstream {FEATURES} drifted 3 windows earlier" in own.cause.summary
    told = next(t for t in house.catalog.transitions(MODEL) if t.kind == "drift")
    assert told.cause is not None and told.cause.upstream == own.cause.upstream
    changes = order_of_changes(house.catalog, components(house.catalog, MODEL))
    assert changes[0].model == FEATURES
    assert [one.model for one in upstream_now(house.catalog, own)][:1] == [FEATURES]
    assert WINDOW == 60 * SECOND
