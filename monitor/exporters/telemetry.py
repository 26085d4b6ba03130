"""Numbers about the monitor itself: what it received, computed, sent, and what failed. One object, handed to the jobs.

Every label value comes from a closed set or from the configuration; each family is bounded all the same, so that no
mistake elsewhere can grow the exposition without end: what is beyond the bound is folded into `other` and counted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.exporters.labels import UNKNOWN, cut
from monitor.ports import EventCounts

F = TypeVar("F", Counter, Gauge, Histogram)

CHILDREN_MAX = 50
"""Label combinations of one family: 25 models with two windows each have their own, the rest share `other`."""
WINDOW_SECONDS_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""From a small tile merge to a window that needs minutes: half a decade a bucket."""
OTHER = "other"


class EventCollector(Collector):
    """Events of inference loggers, as their reader counts them."""

    def __init__(self) -> None:
        self.counts = EventCounts()

    def collect(self) -> Iterator[Metric]:
        events = CounterMetricFamily(
            "outrider_cloudevents", "Events of inference loggers, by what became of them.", labels=["outcome"]
        )
        counts = self.counts
        for outcome in ("paired", "alone", "duplicate", "other"):
            events.add_metric([outcome], getattr(counts, outcome) * (2 if outcome == "paired" else 1))
        yield events
        yield GaugeMetricFamily(
            "outrider_cloudevents_waiting",
            "Events that wait for the other half of their exchange.",
            value=counts.waiting,
        )


class Telemetry:
    """Counts of the monitor's own work. Thread-safe; holds its own registry and nothing global."""

    def __init__(self, version: str, commit: str = "unknown") -> None:
        self._registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._known: dict[object, set[tuple[str, ...]]] = {}
        self._build = self._gauge(
            "outrider_build_info", "Build of the running binary, constant 1.", "version", "commit"
        )
        self._build.labels(version, commit).set(1)
        self._batches = self._counter("outrider_received_batches_total", "Batches of records accepted from collectors.")
        self._duplicates = self._counter(
            "outrider_duplicate_batches_total", "Batches that were delivered again and changed nothing."
        )
        self._records = self._counter("outrider_received_records_total", "Records accepted, by type.", "type")
        self._refused = self._counter("outrider_refused_batches_total", "Batches that could not be used.", "reason")
        self._events = EventCollector()
        self._registry.register(self._events)
        self._runs = self._counter("outrider_window_runs_total", "Window jobs started.", "model", "window")
        self._failures = self._counter(
            "outrider_window_failures_total", "Window jobs failed, by reason code.", "model", "window", "reason"
        )
        self._spent = self._counter(
            "outrider_alarm_budget_spent_total",
            "False alarms that the looks so far could have raised at most.",
            "model",
        )
        self._held = self._counter(
            "outrider_held_alerts_total", "Times that nobody was told of an open alert, by reason.", "model", "reason"
        )
        self._owed = self._gauge(
            "outrider_evidently_owed_windows", "Closed windows that wait for what Evidently says of them."
        )
        self._opinions = self._counter(
            "outrider_evidently_windows_total", "Windows that Evidently was asked about, by what came of it.", "outcome"
        )
        self._duration = Histogram(
            "outrider_window_duration_seconds",
            "Time to compute one window.",
            ["model", "window"],
            registry=self._registry,
            buckets=WINDOW_SECONDS_BUCKETS,
        )
        self._sent = self._counter("outrider_sink_records_total", "Records accepted by a sink.", "sink")
        self._unsent = self._counter(
            "outrider_sink_failed_records_total", "Records a sink refused for good.", "sink", "reason"
        )
        self._retries = self._counter("outrider_sink_retries_total", "Delivery attempts repeated.", "sink")
        self._last_success = self._gauge(
            "outrider_sink_last_success_timestamp_seconds", "Unix time of the last accepted batch.", "sink"
        )
        self._notifications = self._counter("outrider_notifications_total", "Notifications tried.", "receiver")
        self._notification_failures = self._counter(
            "outrider_notification_failures_total", "Notifications that failed for good.", "receiver", "reason"
        )
        self._notification_retries = self._counter(
            "outrider_notification_retries_total",
            "Notifications put off because the receiver did not answer.",
            "receiver",
        )
        self._limited = self._counter(
            "outrider_limited_label_values_total", "Label values folded into `other` or dropped by a limit.", "label"
        )
        for label in ("feature", "group", "slice", "model_version", "window", "series", "telemetry"):
            self._limited.labels(label)

    def batch_received(self, *, duplicate: bool = False) -> None:
        (self._duplicates if duplicate else self._batches).inc()

    def records_received(self, kind: str, count: int) -> None:
        self._child(self._records, kind).inc(count)

    def events_counted(self, counts: EventCounts) -> None:
        self._events.counts = counts

    def batch_refused(self, reason: str) -> None:
        self._child(self._refused, reason).inc()

    def window_started(self, model: str | None, rule: str) -> None:
        self._child(self._runs, model or UNKNOWN, rule).inc()

    def window_finished(self, model: str | None, rule: str, seconds: float) -> None:
        self._child(self._duration, model or UNKNOWN, rule).observe(seconds)

    def budget_spent(self, model: str | None, false_alarms: float) -> None:
        self._child(self._spent, model or UNKNOWN).inc(false_alarms)

    def alert_held(self, model: str, reason: str) -> None:
        self._child(self._held, model, reason).inc()

    def window_failed(self, model: str | None, rule: str, reason: str) -> None:
        self._child(self._failures, model or UNKNOWN, rule, reason).inc()

    def sent(self, sink: str, records: int, now_ns: int) -> None:
        """A sink took `records` (documents, windows) at `now_ns`."""
        self._child(self._sent, sink).inc(records)
        self._child(self._last_success, sink).set(now_ns / 1e9)

    def not_sent(self, sink: str, records: int, reason: str) -> None:
        """A sink refused `records` for good."""
        self._child(self._unsent, sink, reason).inc(records)

    def opinions_owed(self, count: int) -> None:
        self._owed.set(count)

    def opinion_given(self, said: bool) -> None:
        self._child(self._opinions, "answered" if said else "without_value").inc()

    def retried(self, sink: str) -> None:
        self._child(self._retries, sink).inc()

    def notified(self, receiver: str) -> None:
        """A notification was tried; `receiver` is its kind, never its URL."""
        self._child(self._notifications, receiver).inc()

    def notification_postponed(self, receiver: str) -> None:
        self._child(self._notification_retries, receiver).inc()

    def notification_failed(self, receiver: str, reason: str) -> None:
        self._child(self._notification_failures, receiver, reason).inc()

    def limited(self, label: str, values: int) -> None:
        """A limit dropped or folded `values` values of `label`."""
        if values:
            self._limited.labels(label).inc(values)

    def collect(self) -> Iterator[Metric]:
        """The families, without the `_created` samples that would double their number."""
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(name, help_, labels, registry=self._registry)

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(name, help_, labels, registry=self._registry)

    def _child(self, family: F, *values: str) -> F:
        """The child for these label values, or the one called `other` where the family has enough of them."""
        labels = tuple(map(cut, values))
        with self._lock:
            known = self._known.setdefault(family, set())
            if labels not in known:
                if len(known) < CHILDREN_MAX:
                    known.add(labels)
                else:
                    self._limited.labels("telemetry").inc()
                    labels = (OTHER,) * len(values)
        return family.labels(*labels)
