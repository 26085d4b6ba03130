"""What another library says of a window, where a declaration asks for it: in a process of its own, within a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from monitor.definitions import MonitoredModel
from monitor.errors import OutriderError
from monitor.findings import Measurement, Status
from monitor.metrics.foreign import unsaid
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.rows import Rows
from monitor.tiles.sample import sample

log = logging.getLogger(__name__)

ROWS_MAX = 20_000
"""Rows of each side that are handed over: more take it seconds a column and change little."""
SECONDS_MAX = 60.0
"""That the closing of a window waits for: the windows of other models wait with it."""
MODELS_MAX = 100
"""Models whose baseline rows are kept at hand; 20,000 rows of 20 columns are about 4 MB."""

Opinion = Callable[[Rows], tuple[Measurement, ...]]
"""Measurements of a window's rows, labels joined."""
Ask = Callable[[Rows, Rows, MonitoredModel, Sequence[str], int], "Future[list[Measurement]]"]
"""Baseline, window (samples of them), model, what is asked for, and how many rows the window has."""


@dataclass(slots=True)
class SecondOpinions:
    """Asks for each model beside its baseline. A library that hangs costs its own measurements alone, and once its time."""

    catalog: Catalog
    store: SegmentStore
    ask: Ask
    seconds_max: float = SECONDS_MAX
    _baselines: dict[str, tuple[str, Rows]] = field(default_factory=dict)
    _late: Future[list[Measurement]] | None = None

    def of(self, model: MonitoredModel, names: Sequence[str]) -> Opinion | None:
        """None where nothing is asked for, or there is no baseline to ask about."""
        if not names:
            return None
        try:
            reference = self._reference(model)
        except OutriderError as error:
            log.warning("no second opinion", extra={"model": model.model, "cause": str(error)})
            return None
        return None if reference is None else lambda rows: self._asked(reference, rows, model, names)

    def _reference(self, model: MonitoredModel) -> Rows | None:
        entry = self.catalog.baseline(model.model)
        if entry is None:
            return None
        known = self._baselines.get(model.model)
        if known is None or known[0] != entry.id:
            while len(self._baselines) >= MODELS_MAX:
                self._baselines.pop(next(iter(self._baselines)))
            known = entry.id, sample(self.store.read_baseline(entry.path), ROWS_MAX)
            self._baselines[model.model] = known
        return known[1]

    def _asked(
        self, reference: Rows, rows: Rows, model: MonitoredModel, names: Sequence[str]
    ) -> tuple[Measurement, ...]:
        counts = {"n_baseline": len(reference), "n_window": len(rows)}
        if self._late is not None and not self._late.done():
            return tuple(unsaid(names, Status.UNDEFINED, "Evidently is still at an earlier window", **counts))
        asked = self.ask(reference, sample(rows, ROWS_MAX), model, names, len(rows))
        try:
            self._late = None
            return tuple(asked.result(self.seconds_max))
        except TimeoutError:
            self._late = asked
            return tuple(
                unsaid(names, Status.UNDEFINED, f"Evidently took longer than {self.seconds_max:g} s", **counts)
            )
        except Exception as error:  # noqa: BLE001  another library and another process: whatever ends it, the window goes on
            reason = f"Evidently failed: {type(error).__name__}: {error}"[:200]
            return tuple(unsaid(names, Status.UNDEFINED, reason, **counts))
