"""What handlers are given by `monitor.main`; not validated at each request, because it is our own."""

from __future__ import annotations

from collections.abc import Callable

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from monitor.definitions import MonitoredModel
from monitor.intake.origins import Beacons
from monitor.jobs.accept_events import EventAcceptance
from monitor.jobs.accept_together import Acceptance
from monitor.jobs.awaited import Awaited
from monitor.jobs.profile_window import Explainer
from monitor.ports import Catalog, Labels, Observer, SegmentStore
from monitor.tiles.rows import Rows

TheCatalog = NamedDependency[SkipValidation[Catalog]]
TheStore = NamedDependency[SkipValidation[SegmentStore]]
TheClock = NamedDependency[SkipValidation[Callable[[], int]]]
"""Answers now, in Unix nanoseconds."""
TheObserver = NamedDependency[SkipValidation[Observer]]
"""The monitor's own telemetry."""
TheRowsReader = NamedDependency[SkipValidation[Callable[..., Rows]]]
"""(body, media type, name, time=column or None) → rows."""
TheLabelsReader = NamedDependency[SkipValidation[Callable[..., Labels]]]
"""(body, media type, name, id column, label column, time column or None, demanded=whether it must be there) → labels."""
TheExplainerMaker = NamedDependency[SkipValidation[Callable[[MonitoredModel, Rows], Explainer | None]]]
TheAwaited = NamedDependency[SkipValidation[Awaited]]
"""Who brings rows of the past."""
TheAcceptance = NamedDependency[SkipValidation[Acceptance]]
"""Takes the batches of sidecars."""
TheEvents = NamedDependency[SkipValidation[EventAcceptance]]
"""Takes the events of inference loggers."""
TheBeacons = NamedDependency[SkipValidation[Beacons]]
"""From which origins browsers may tell, how often, and what reads it."""
