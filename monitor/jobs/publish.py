"""Hand committed window results to the exporters, in order, at least once each; one that fails holds up only itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from monitor.errors import OutriderError
from monitor.jobs.context import Context
from monitor.ports import Exporter

log = logging.getLogger("outrider.publish")

PUBLICATIONS_PER_PASS = 100
BACKOFF_NS_FIRST = 1 * 10**9
BACKOFF_NS_MAX = 60 * 10**9


@dataclass(slots=True)
class Backoff:
    """When each exporter may be tried again; forgotten at a restart, which tries at once."""

    failures: dict[str, int] = field(default_factory=dict)
    due_ns: dict[str, int] = field(default_factory=dict)

    def failed(self, name: str, now_ns: int) -> None:
        count = self.failures.get(name, 0)
        self.failures[name] = count + 1
        self.due_ns[name] = now_ns + min(BACKOFF_NS_FIRST * 2 ** min(count, 10), BACKOFF_NS_MAX)

    def worked(self, name: str) -> None:
        self.failures.pop(name, None)
        self.due_ns.pop(name, None)


def publish(context: Context, backoff: Backoff) -> int:
    """One pass over all exporters; returns how many publications were taken."""
    return sum(_publish_to(exporter, context, backoff) for exporter in context.exporters)


def _publish_to(exporter: Exporter, context: Context, backoff: Backoff) -> int:
    now_ns = context.clock()
    if backoff.due_ns.get(exporter.name, 0) > now_ns:
        return 0
    publications = context.catalog.publications(exporter.name, PUBLICATIONS_PER_PASS)
    if not publications:
        return 0
    try:
        exporter.publish(publications)
    except OutriderError as error:
        return _failed(exporter, context, backoff, error)
    except Exception as error:
        # A fault of ours in one exporter is no reason for the others to get nothing.
        log.exception("exporter broke", extra={"exporter": exporter.name})
        return _failed(exporter, context, backoff, error)
    backoff.worked(exporter.name)
    context.catalog.published(exporter.name, publications[-1].sequence)
    return len(publications)


def _failed(exporter: Exporter, context: Context, backoff: Backoff, error: Exception) -> int:
    backoff.failed(exporter.name, context.clock())
    context.observer.retried(exporter.name)
    log.warning("exporter failed", extra={"exporter": exporter.name, "cause": str(error)})
    return 0
