"""What every job of the service needs, wired once in `monitor.main`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.definitions import MonitoredModel
from monitor.findings import Transition
from monitor.jobs.profile_window import Explainer
from monitor.jobs.second_opinion import Opinion
from monitor.ports import Catalog, Exporter, Notifier, Observer, Runner, SegmentStore


@dataclass(frozen=True, slots=True)
class Context:
    """The ports and the clock of one monitor process. `explainer_of` opens what explains a model's predictions, `opinion_of`
    what another library measures of its windows."""

    catalog: Catalog
    store: SegmentStore
    runner: Runner
    clock: Callable[[], int]
    observer: Observer
    exporters: tuple[Exporter, ...] = ()
    notifiers: Mapping[str, Notifier] | None = None
    explainer_of: Callable[[MonitoredModel], Explainer | None] | None = None
    opinion_of: Callable[[MonitoredModel, Sequence[str]], Opinion | None] | None = None
    link_of: Callable[[Transition], str] = lambda _: ""
    code: str | None = None
    """Version and build of the code that runs: every record says it."""
