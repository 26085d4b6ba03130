"""A schema proposed, applied and broken: from the baseline to the alert."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.findings import Status
from monitor.tiles.rows import Column
from tests.monitor.jobs.house import MODEL, SECOND, START, House, closed, labelled, minute, population

DAY = 86_400 * SECOND


def proposal(house: House) -> MonitoredModel:
    entry = house.catalog.model(MODEL)
    assert entry is not None and entry.proposal is not None
    return entry.proposal


def test_a_baseline_proposes_a_schema_that_can_be_applied(house: House) -> None:
    """The proposal is a declaration; once applied, sound windows keep to it and others do not, and alert."""
    house.declare()
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    proposed = proposal(house)
    assert proposed.schema["sex"].values is not None and proposed.schema["age"].not_null
    house.declare(schema=proposed.to_document()["schema"])
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    for i in range(3):
        served = population(400, seed=10 + i, start_ns=minute(i), name=f"w{i}")
        if i == 2:
            sex = np.where(np.arange(400) % 4 == 0, "?", served.columns["sex"].values.astype(str)).astype(object)
            served = replace(served, columns={**served.columns, "sex": Column(sex)})
        house.serve(served)
    house.at(closed(2))
    found = house.findings("schema_violation_ratio", "sex")
    assert [(f.value, f.status) for f in found[:2]] == [(0.0, Status.OK)] * 2
    assert (found[2].value, found[2].status) == (0.25, Status.CRITICAL) and found[2].reason == "100 not allowed"
    assert ("quality", "firing") in house.transitions()


def test_one_bad_row_is_measured_and_wakes_nobody(house: House) -> None:
    """It may be chance at this budget; the value stands."""
    house.declare(schema={"age": {"min": -1_000, "max": 1_000}})
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    served = population(400, seed=3)
    served.columns["age"].values[7] = 1e6
    house.serve(served)
    house.at(closed(0))
    (found,) = house.findings("schema_violation_ratio", "age")
    assert found.value == 1 / 400 and found.reason == "1 outside the range"
    assert all(kind != "quality" for kind, _ in house.transitions())


def test_the_first_window_proposes_where_there_is_no_baseline(house: House) -> None:
    """And nothing is enforced before it is applied."""
    house.declare(features=None)
    house.serve(population(400, seed=3))
    house.at(closed(0))
    proposed = proposal(house)
    assert proposed.schema["age"].type == "number" and set(proposed.schema["sex"].values or ()) == {"f", "m"}
    entry = house.catalog.model(MODEL)
    assert entry is not None and entry.declaration.schema == {}
