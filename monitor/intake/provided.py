"""What handlers are given by `monitor.main`; not validated at each request, because it is our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from litestar.params import Dependency

from monitor.definitions import MonitoredModel
from monitor.jobs.profile_window import Explainer
from monitor.ports import Catalog, Observer, SegmentStore
from monitor.tiles.rows import Rows

TheCatalog = Annotated[Catalog, Dependency(skip_validation=True)]
TheStore = Annotated[SegmentStore, Dependency(skip_validation=True)]
TheClock = Annotated[Callable[[], int], Dependency(skip_validation=True)]
"""Answers now, in Unix nanoseconds."""
TheObserver = Annotated[Observer, Dependency(skip_validation=True)]
"""The monitor's own telemetry."""
TheRowsReader = Annotated[Callable[..., Rows], Dependency(skip_validation=True)]
"""(body, media type, name, time=column or None) → rows."""
TheLabelsReader = Annotated[Callable[[bytes, str, str, str, str], tuple[Any, Any]], Dependency(skip_validation=True)]
"""(body, media type, name, id column, label column) → ids and values."""
TheExplainerMaker = Annotated[Callable[[MonitoredModel, Rows], Explainer | None], Dependency(skip_validation=True)]
