"""The door to the rows: segments, baselines, findings and records in files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from monitor.findings import Finding, Span
from monitor.ports.entries import RowsKind, Segment, SegmentKind
from monitor.tiles.rows import Rows

FindingKey = Literal["kind", "feature", "metric", "slice"]
"""What the findings of a column may be told apart by."""


CAME_UNKNOWN_NS = -1
"""In the place of when a label came, where nobody knows."""


@dataclass(frozen=True, slots=True)
class Labels:
    """n labels. `value` object of int, float, bool or str; `time_ns` is the event time of the prediction it belongs to.

    `came_ns`: when each was taken in, by the monitor's clock, CAME_UNKNOWN_NS of labels of recorded rows; None where all
    come from a file. `known_ns`: when each was known, by whoever sent it, CAME_UNKNOWN_NS where it was not said; None where it was of none.
    """

    id: npt.NDArray[np.object_]
    value: npt.NDArray[np.object_]
    time_ns: npt.NDArray[np.int64]
    came_ns: npt.NDArray[np.int64] | None = None
    known_ns: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.id)

    def take(self, at: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Labels:
        came_ns = None if self.came_ns is None else self.came_ns[at]
        known_ns = None if self.known_ns is None else self.known_ns[at]
        return Labels(self.id[at], self.value[at], self.time_ns[at], came_ns, known_ns)


@dataclass(frozen=True, slots=True)
class FindingQuery:
    """A filter of findings; None matches all."""

    start_ns: int | None = None
    end_ns: int | None = None
    version: str | None = None
    slice: str | None = None
    metric: str | None = None
    feature: str | None = None
    limit: int = 1_000
    offset: int = 0
    kind: str | None = None
    rule: str | None = None
    """Name of the WindowRule."""
    whole: bool = False
    """Only what is said of the whole population, of no slice or group."""
    metrics: tuple[str, ...] = ()
    """Any of these, where some are named."""
    status: str | None = None
    """That some revision had: the latest of those is found."""


class SegmentStore(Protocol):
    """Files behind it (local directory or object store). A file appears whole or not at all."""

    def write_rows(
        self, model: str, version: str, rows: Rows, now_ns: int, kind: RowsKind = "predictions"
    ) -> Segment: ...
    def read_rows(
        self,
        segments: Sequence[Segment],
        start_ns: int | None = None,
        end_ns: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Rows:
        """Rows of the segments in [start_ns, end_ns), in canonical order. Columns that some segments lack are missing there."""

    def row_columns(self, segments: Sequence[Segment]) -> list[str]:
        """The columns that any of these segments of predictions has, in the order of their first. Reads no rows."""

    def locate(self, segments: Sequence[Segment], prediction_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Event time of each prediction id (`id` or `id/row`), -1 where no segment has it. Reads the id index, not the rows."""

    def write_labels(self, model: str, labels: Labels, now_ns: int) -> Segment: ...
    def read_labels(
        self, segments: Sequence[Segment], start_ns: int | None = None, end_ns: int | None = None
    ) -> Labels:
        """The latest value of each prediction id, by order of the segments' registration."""

    def write_baseline(self, model: str, rows: Rows, baseline_id: str) -> str: ...
    def read_baseline(self, path: str) -> Rows: ...
    def delete_baseline(self, path: str) -> None: ...

    def write_findings(self, findings: Sequence[Finding], rule: str, now_ns: int) -> Segment: ...
    def find_findings(self, segments: Sequence[Segment], query: FindingQuery) -> list[Finding]:
        """Latest revision of each decision record that matches, ordered by (window start, metric, feature, slice)."""

    def worst_findings(
        self, segments: Sequence[Segment], query: FindingQuery, columns: Sequence[Span], per: FindingKey
    ) -> list[tuple[int, Finding]]:
        """Of each column (spans that do not overlap, found by window start) and each value of `per` the worst
        matching decision record: by status, then one with a limit, then by score. Ordered by (column, that value); limit and offset do not apply.
        """

    def write_records(
        self, kind: SegmentKind, model: str, version: str, span: Span, records: Sequence[Mapping[str, Any]], now_ns: int
    ) -> Segment:
        """Anomalies or explanations: one JSON-able mapping each, with `prediction_id` and `time_ns`.

        All records of the window at once: they take the place of what an earlier revision wrote for this span.
        """

    def find_records(
        self,
        segments: Sequence[Segment],
        start_ns: int | None,
        end_ns: int | None,
        prediction_id: str | None,
        limit: int,
        offset: int,
        slice: str | None = None,
    ) -> list[dict[str, Any]]:
        """Ascending by time and prediction id; with `slice` those whose `slices` name it."""

    def delete(self, segments: Sequence[Segment]) -> None: ...
    def sweep(self, registered: Callable[[Sequence[str]], set[str]], before_ns: int) -> int:
        """Delete files of segments written before this whose path `registered` does not answer; returns how many."""

    def compact(self, segments: Sequence[Segment], now_ns: int) -> Segment:
        """One new file with the rows of all (of one kind, model and version)."""

    def thin(self, segments: Sequence[Segment], now_ns: int) -> Segment:
        """One new file of measurements with the worst record of each hour of all, for each metric, feature, slice and rule."""
