"""The doors to those who are told and those who are asked: exporters, notifiers, telemetry, the model, the pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from monitor.definitions import Receiver
from monitor.findings import Transition
from monitor.ports.entries import Publication
from monitor.ports.readers import EventCounts
from monitor.tiles.rows import Rows

T = TypeVar("T")


class Exporter(Protocol):
    """Takes publications in order, at least once each. Raises Unavailable to be asked again."""

    @property
    def name(self) -> str: ...
    def publish(self, publications: Sequence[Publication]) -> None: ...
    def close(self) -> None: ...


class Notifier(Protocol):
    """Speaks to one kind of receiver. Raises Unavailable to be asked again, InvalidInput where it never will work."""

    @property
    def kind(self) -> str: ...
    def send(
        self, receiver: Receiver, transition: Transition, *, idempotency_key: str, link: str, now_ns: int
    ) -> None: ...


class Predictor(Protocol):
    """The model's own function, for explanation: features in, score out."""

    @property
    def features(self) -> tuple[str, ...]: ...
    def matrix(self, rows: Rows) -> npt.NDArray[np.float64]:
        """The rows' features as `predict` takes them, [n, features]; NaN where a value is missing or of no use to the model."""

    def predict(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Scores [n] of rows [n, features], NaN where the model cannot score a row. Raises Unavailable."""


class Observer(Protocol):
    """Told what the jobs did: the monitor's own telemetry. Never refuses, never blocks."""

    def batch_received(self, *, duplicate: bool = False) -> None: ...
    def batch_refused(self, reason: str) -> None: ...
    def records_received(self, kind: str, count: int) -> None: ...
    def events_counted(self, counts: EventCounts) -> None: ...
    def window_started(self, model: str | None, rule: str) -> None:
        """Here and below: None for a model that nobody declared, whose name is foreign data."""

    def window_finished(self, model: str | None, rule: str, seconds: float) -> None: ...
    def budget_spent(self, model: str | None, false_alarms: float) -> None:
        """A look was taken that could have raised so many false alarms at most."""

    def alert_held(self, model: str, reason: str) -> None:
        """Nobody is told of an open alert from now on, for one of the reasons of `HeldFor`."""

    def window_failed(self, model: str | None, rule: str, reason: str) -> None: ...
    def opinions_owed(self, count: int) -> None:
        """So many closed windows wait for what another library says of them."""

    def opinion_given(self, said: bool) -> None:
        """A window has got what it was owed: values, or why there are none."""

    def retried(self, sink: str) -> None: ...
    def notified(self, receiver: str) -> None: ...
    def notification_postponed(self, receiver: str) -> None: ...
    def notification_failed(self, receiver: str, reason: str) -> None: ...


class Runner(Protocol):
    """Where a job's heavy part runs, one after another."""

    def submit(self, work: Callable[..., T], *arguments: Any, seconds: float) -> Future[T]:
        """Raises Unavailable where too many wait. The future fails with TimeoutError where the job itself takes longer than
        `seconds`, and with Unavailable where its process died."""

    def close(self) -> None: ...
