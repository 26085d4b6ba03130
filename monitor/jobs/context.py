"""What every job of the service needs, wired once in `monitor.main`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.definitions import MonitoredModel
from monitor.findings import Transition
from monitor.jobs.opinion_desk import OpinionDesk
from monitor.jobs.profile_window import Explainer
from monitor.ports import Catalog, Exporter, Notifier, Observer, Runner, SegmentStore


@dataclass(frozen=True, slots=True)
class Context:
    """The ports and the clock of one monitor process. `explainer_of` opens what explains a model's predictions, at the desk of
    `opinions` another library is asked about windows."""

    catalog: Catalog
    store: SegmentStore
    runner: Runner
    clock: Callable[[], int]
    observer: Observer
    exporters: tuple[Exporter, ...] = ()
    notifiers: Mapping[str, Notifier] | None = None
    explainer_of: Callable[[MonitoredModel], Explainer | None] | None = None
    opinions: OpinionDesk | None = None
    link_of: Callable[[Transition], str] = lambda _: ""
    code: str | None = None
    """Version and build of the code that runs: every record says it."""
