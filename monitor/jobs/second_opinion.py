"""What another library says of a window beside its baseline, from their rows: asked in a process of its own, within a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

from monitor.definitions import MonitoredModel
from monitor.definitions.evidently import NEED_LABELS
from monitor.errors import Unavailable
from monitor.findings import AlertKind, Measurement, Span, Status
from monitor.jobs.profile_window import with_label_column, with_labels
from monitor.metrics.foreign import PREFIX, unsaid
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.evened import evened
from monitor.tiles.rows import Rows
from monitor.tiles.sample import sample

log = logging.getLogger("outrider.opinions")

ROWS_MAX = 20_000
"""Rows of each side that are handed over: more take it seconds a column and change little."""
SECONDS_MAX = 60.0
"""What one window may take: what it says of twenty columns takes a second, of a hundred some five."""
BASELINES_MAX = 8
"""Models whose baseline rows are kept at hand; 20,000 rows of 100 columns are about 20 MB, and read in a tenth of a second."""

REASON_CHARS_MAX = 200

Opinion = Callable[[Rows], tuple[Measurement, ...]]
"""Measurements of a window's rows, labels joined."""
Ask = Callable[[Rows, Rows, MonitoredModel, Sequence[str], int], "Future[list[Measurement]]"]
"""Baseline, window (samples of them), model, what is asked for, and how many rows the window has."""


@dataclass(frozen=True, slots=True)
class Question:
    """Of which window, beside which baseline, and whether of its rows, of what labels tell, or of both."""

    model: str
    version: str
    rule: str
    span: Span
    baseline: str
    of_rows: bool
    of_labels: bool

    def names(self, model: MonitoredModel) -> list[str]:
        """Those of the declared metrics and presets that are asked about."""
        return [n for n in model.evidently if (self.of_labels if n in NEED_LABELS else self.of_rows)]


def judges(model: MonitoredModel, kind: AlertKind) -> bool:
    """Whether a declared range makes an alert of this kind wait for what is said."""
    check = next((check for name, check in model.checks.items() if name == kind.value), None)
    ranged = check is not None and check.enabled and any(m.startswith(PREFIX) for m in check.tolerance)
    return ranged and bool(model.evidently)


@dataclass(slots=True)
class SecondOpinions:
    """Reads what is asked about and asks. For one thread; a library that hangs or dies costs its own measurements alone."""

    catalog: Catalog
    store: SegmentStore
    ask: Ask
    _baselines: dict[str, tuple[str, Rows]] = field(default_factory=dict)

    def on(self, question: Question) -> tuple[Measurement, ...] | None:
        """None where there is no answer now and asking again may bring one: its process died, or too many wait for it."""
        names: list[str] = []
        try:
            entry = self.catalog.model(question.model)
            model = None if entry is None else entry.in_force()
            names = [] if model is None else question.names(model)
            return () if model is None or not names else self._said(question, model, names)
        except (Unavailable, CancelledError) as error:
            log.warning("Evidently did not answer", extra={"model": question.model, "cause": str(error)})
            return None
        except Exception as error:
            log.exception("Evidently could not be asked", extra={"model": question.model})
            reason = f"Evidently could not be asked: {type(error).__name__}: {error}"[:REASON_CHARS_MAX]
            return tuple(unsaid(names, Status.UNDEFINED, reason))

    def _said(self, question: Question, model: MonitoredModel, names: Sequence[str]) -> tuple[Measurement, ...]:
        reference = self._reference(question)
        if reference is None:
            return tuple(unsaid(names, Status.UNDEFINED, "the baseline has been replaced since the window closed"))
        rows = self._rows(question, model)
        if not len(rows):
            return tuple(unsaid(names, Status.NO_DATA, "the window's rows are past their retention"))
        try:
            return tuple(self.ask(reference, sample(rows, ROWS_MAX), model, names, len(rows)).result())
        except (Unavailable, CancelledError):
            raise
        except TimeoutError as error:
            reason = f"Evidently {error}"
        except Exception as error:  # noqa: BLE001  another library in another process: its failure is told as such
            reason = f"Evidently failed: {type(error).__name__}: {error}"[:REASON_CHARS_MAX]
        return tuple(unsaid(names, Status.UNDEFINED, reason, n_baseline=len(reference), n_window=len(rows)))

    def _reference(self, question: Question) -> Rows | None:
        """Rows of the baseline that the window was compared with; None where it is not in force any more."""
        name = question.model
        known = self._baselines.get(name)
        if known is None or known[0] != question.baseline:
            entry = self.catalog.baseline(name)
            if entry is None or entry.id != question.baseline:
                return None
            while len(self._baselines) >= BASELINES_MAX:
                self._baselines.pop(next(iter(self._baselines)))
            known = entry.id, sample(self.store.read_baseline(entry.path), ROWS_MAX)
            self._baselines[name] = known
        return known[1]

    def _rows(self, question: Question, model: MonitoredModel) -> Rows:
        return asked_rows(self.catalog, self.store, model, question.version, question.span)


def asked_rows(catalog: Catalog, store: SegmentStore, model: MonitoredModel, version: str | None, span: Span) -> Rows:
    """As a window is measured: in their order, with their labels, of equal inclusion."""
    segments = catalog.segments("predictions", model.model, version, span.start_ns, span.end_ns)
    rows = store.read_rows(segments, span.start_ns, span.end_ns).in_canonical_order()
    told = catalog.segments("labels", model.model, None, span.start_ns, span.end_ns)
    labels = store.read_labels(told, span.start_ns, span.end_ns)
    return evened(with_labels(rows, labels) if len(labels) else with_label_column(rows, model))
