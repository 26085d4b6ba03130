"""The wiring: what a start shows at once, and what it opens for each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.main import explainers, prime
from monitor.ports import Publication
from tests.monitor.jobs.house import MODEL, House, closed, labelled, minute, population, truth_of


@dataclass
class Gauges:
    shown: list[Publication] = field(default_factory=list)

    def publish(self, publications: Sequence[Publication]) -> None:
        self.shown += publications

    def refresh(self) -> None:
        """Nothing changes beside windows here."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.close()


def test_a_start_shows_the_latest_window_and_the_latest_with_labels(house: House) -> None:
    """Each with its own findings, of the latest revisions, the earlier one first."""
    house.declare(windows=[{"every": "1m", "lateness": "30s"}, {"every": "2m", "lateness": "30s"}])
    house.baseline(labelled(population(2_000, seed=1), seed=2))
    served = [population(200, seed=n, start_ns=minute(n), name=f"w{n}-") for n in range(4)]
    for rows in served:
        house.serve(rows)
    house.at(closed(3))
    house.label(*truth_of(served[1], seed=5))
    house.at(closed(3) + 1)
    gauges = Gauges()
    prime([gauges], house.catalog, house.store)
    minutes = [p for p in gauges.shown if p.window.rule == "1m"]
    assert [p.window.span.start_ns for p in minutes] == [minute(1), minute(3)]
    for publication in gauges.shown:
        assert {f.window for f in publication.findings} == {publication.window.span}
    assert "roc_auc" in {f.metric for f in minutes[0].findings if f.value is not None}


def test_a_model_file_that_is_gone_costs_no_window(house: House, tmp_path: Path) -> None:
    """Predictions are not explained, and everything else is measured."""
    model = house.declare(explain={"onnx": str(tmp_path / "gone.onnx")})
    house.baseline(labelled(population(2_000, seed=1), seed=2))
    entry = house.catalog.model(MODEL)
    assert entry is not None and model.explain is not None
    assert explainers(house.catalog, house.store)(entry.in_force()) is None
