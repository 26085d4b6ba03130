"""A monitor for tests: SQLite and Parquet in a temporary folder, a clock that tests turn, real jobs, nothing served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.catalog.opening import open_catalog
from monitor.definitions import MonitoredModel, Receiver
from monitor.errors import Unavailable
from monitor.exporters.telemetry import Telemetry
from monitor.findings import Finding, Transition
from monitor.jobs.accept_labels import LabelsAccepted, accept_labels
from monitor.jobs.context import Context
from monitor.jobs.declare_model import declare_model
from monitor.jobs.expire import Retention
from monitor.jobs.set_baseline import set_baseline
from monitor.ports import Catalog, FindingQuery, Publication, WindowEntry
from monitor.runners.processes import ProcessRunner
from monitor.scheduler import Scheduler
from monitor.segments.local_store import LocalSegmentStore
from monitor.tiles.rows import Column, Rows

SECOND = 10**9
START = 1_800_000_000 * SECOND
WINDOW = 60 * SECOND
CODE = "1.2+0123456789ab"
"""Windows of these tests are a minute, and half a minute is allowed for lateness, unless they say otherwise."""
LATENESS = 30 * SECOND
MODEL = "income"
DECLARATION: dict[str, Any] = {
    "model": MODEL,
    "task": "binary",
    "features": {"age": "numeric", "sex": "categorical"},
    "prediction": {"score": "p", "class": "yhat"},
    "label": "employed",
    "windows": [{"every": "1m", "lateness": "30s"}],
}


def population(
    n: int, *, seed: int, start_ns: int = START, seconds: float = 60.0, name: str = "r", shift: float = 0.0
) -> Rows:
    """n predictions evenly over some seconds; `shift` moves the age and with it the score."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40 + shift, 10, n)
    score = 1 / (1 + np.exp(-(age - 40) / 10))
    return rows(
        {
            "age": age,
            "sex": np.where(rng.random(n) < 0.5, "f", "m").astype(object),
            "p": score,
            "yhat": (score > 0.5).astype(np.int64),
        },
        times=start_ns + (np.arange(n) * (seconds * SECOND / n)).astype(np.int64),
        ids=[f"{name}{i}" for i in range(n)],
    )


def rows(columns: Mapping[str, npt.ArrayLike], *, times: npt.NDArray[np.int64], ids: Sequence[str]) -> Rows:
    n = len(times)
    return Rows(
        time_ns=times,
        id=np.array(ids, object),
        row=np.zeros(n, np.int32),
        of=np.ones(n, np.int32),
        columns={name: Column(np.asarray(values)) for name, values in columns.items()},
    )


def truth_of(
    served: Rows, *, seed: int, flipped: float = 0.0
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Labels that the score predicts well, with a share of them turned round."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(len(served)) < served.columns["p"].values.astype(float)).astype(int)
    truth = np.where(rng.random(len(served)) < flipped, 1 - truth, truth)
    return np.array(served.prediction_ids(), object), np.array(truth.tolist(), object)


def labelled(served: Rows, *, seed: int) -> Rows:
    """Rows with their label as a column, as a baseline file has it."""
    _, values = truth_of(served, seed=seed)
    return replace(served, columns={**served.columns, "employed": Column(values.astype(np.int64))})


@dataclass
class FakeExporter:
    """Keeps what it was given; refuses while `away`."""

    name: str = "fake"
    away: bool = False
    taken: list[Publication] = field(default_factory=list)

    def publish(self, publications: Sequence[Publication]) -> None:
        if self.away:
            raise Unavailable(self.name, "away")
        self.taken += publications

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class FakeNotifier:
    """Keeps what it sent; fails with `failure` where it is set."""

    kind: str = "webhook"
    failure: Exception | None = None
    sent: list[tuple[Transition, str]] = field(default_factory=list)

    def send(self, receiver: Receiver, transition: Transition, *, idempotency_key: str, link: str, now_ns: int) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append((transition, idempotency_key))


class House:
    """One monitor; `restart` opens it anew on what the last one left."""

    def __init__(self, folder: Path, *, patient: bool = False) -> None:
        self.folder, self.patient = folder, patient
        self.now_ns = START
        self.exporter, self.notifier = FakeExporter(), FakeNotifier()
        self.store = LocalSegmentStore(folder / "segments")
        self._open()

    def _open(self) -> None:
        self.catalog: Catalog = open_catalog(f"sqlite:///{self.folder / 'catalog.sqlite'}")
        self.context = Context(
            catalog=self.catalog,
            store=self.store,
            runner=ProcessRunner(),
            clock=lambda: self.now_ns,
            observer=Telemetry("0"),
            exporters=(self.exporter,),
            notifiers={self.notifier.kind: self.notifier},
            code=CODE,
        )
        self.scheduler = Scheduler(self.context, retention=Retention(), patient=self.patient)

    def close(self) -> None:
        self.context.runner.close()
        self.catalog.close()

    def restart(self) -> None:
        self.close()
        self._open()

    def declare(self, **keys: Any) -> MonitoredModel:
        model = MonitoredModel.from_document(DECLARATION | keys)
        declare_model(model, self.catalog, self.store, self.now_ns)
        return model

    def baseline(self, served: Rows, *, time_ordered: bool = True) -> None:
        entry = self.catalog.model(MODEL)
        assert entry is not None
        set_baseline(MODEL, served, entry.declaration, self.catalog, self.store, self.now_ns, time_ordered=time_ordered)

    def serve(self, served: Rows, version: str = "1") -> None:
        """Rows arrive, as a batch of a sidecar would bring them."""
        self.catalog.put_segments([self.store.write_rows(MODEL, version, served.in_canonical_order(), self.now_ns)])

    def label(
        self,
        ids: npt.NDArray[np.object_],
        values: npt.NDArray[np.object_],
        known_ns: npt.NDArray[np.int64] | None = None,
    ) -> LabelsAccepted:
        return accept_labels(MODEL, ids, values, self.catalog, self.store, self.now_ns, known_ns)

    def at(self, ns: int) -> int:
        """Turn the clock and run passes until nothing is due; returns how many windows changed. No job may fail."""
        self.now_ns = ns
        changed = 0
        while step := self.scheduler.run_pass():
            changed += step
        assert self.scheduler.health.errors == []
        return changed

    def windows(self, **filters: Any) -> list[WindowEntry]:
        return self.catalog.windows(MODEL, **filters)

    def findings(self, metric: str, feature: str | None = None) -> list[Finding]:
        return self.store.find_findings(
            self.catalog.segments("measurements", MODEL), FindingQuery(metric=metric, feature=feature)
        )

    def transitions(self) -> list[tuple[str, str]]:
        return [(t.kind.value, t.state.value) for t in self.catalog.transitions(MODEL)]


def minute(n: int) -> int:
    """Start of the n-th window of a minute."""
    return START + n * WINDOW


def closed(n: int) -> int:
    """The instant from which the n-th window of a minute is due."""
    return minute(n + 1) + LATENESS
