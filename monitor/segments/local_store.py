"""The SegmentStore on a local directory. Paths of segments are relative to it, so the directory can be moved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from monitor.errors import Unavailable
from monitor.findings import Finding, Span
from monitor.ports import FindingKey, FindingQuery, Labels, RowsKind, Segment, SegmentKind
from monitor.segments import findings_table, id_index, labels_table, records_table, rows_table
from monitor.segments.parquet import read_names, read_table, write_table
from monitor.segments.paths import inside, path_part, segment_path, write_whole
from monitor.tiles.rows import Rows

PARQUET = ".parquet"
INDEX = ".ids"
"""Takes the place of PARQUET in the name of a segment's id index."""


class LocalSegmentStore:
    """Files in `root`. Safe to use from several threads and processes: it keeps nothing in memory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write_rows(self, model: str, version: str, rows: Rows, now_ns: int, kind: RowsKind = "predictions") -> Segment:
        rows = rows.in_canonical_order()
        table = rows_table.to_table(rows)
        start_ns, end_ns = _range(rows.time_ns)
        path = segment_path(kind, model, version, start_ns, PARQUET)
        if kind == "predictions":
            index = id_index.encode(rows.prediction_ids(), rows.time_ns)
            # The index first: where the segment is, its index is.
            write_whole(_index_path(inside(self._root, path)), lambda file: _write_bytes(file, index))
        write_table(inside(self._root, path), table)
        return Segment(kind, model, version, path, len(rows), start_ns, end_ns, now_ns)

    def read_rows(
        self,
        segments: Sequence[Segment],
        start_ns: int | None = None,
        end_ns: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Rows:
        stored = rows_table.stored_columns(columns)
        tables = [read_table(self._path(segment), stored) for segment in segments]
        rows = rows_table.from_tables(tables, None if columns is None else set(columns))
        inside_span = np.ones(len(rows), np.bool_)
        if start_ns is not None:
            inside_span &= rows.time_ns >= start_ns
        if end_ns is not None:
            inside_span &= rows.time_ns < end_ns
        return (rows if inside_span.all() else rows.take(inside_span)).in_canonical_order()

    def row_columns(self, segments: Sequence[Segment]) -> list[str]:
        names = (name for segment in segments for name in rows_table.own_columns(read_names(self._path(segment))))
        return list(dict.fromkeys(names))

    def locate(self, segments: Sequence[Segment], prediction_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        hashes = id_index.hash_ids(prediction_ids)
        answer = np.full(len(hashes), -1, np.int64)
        for segment in segments:
            try:
                np.maximum(answer, id_index.find(self._index(segment), hashes), out=answer)
            except (OSError, ValueError) as error:
                raise Unavailable("segment", f"the id index of {segment.path} cannot be read ({error})") from error
        return answer

    def write_labels(self, model: str, labels: Labels, now_ns: int) -> Segment:
        came_ns = np.full(len(labels), now_ns, np.int64) if labels.came_ns is None else labels.came_ns
        table, metadata = labels_table.to_table(replace(labels, came_ns=came_ns))
        return self._write("labels", model, "", table, labels.time_ns, now_ns, metadata=metadata)

    def read_labels(
        self, segments: Sequence[Segment], start_ns: int | None = None, end_ns: int | None = None
    ) -> Labels:
        labels, _ = self._latest_labels(segments)
        chosen = np.ones(len(labels), np.bool_)
        if start_ns is not None:
            chosen &= labels.time_ns >= start_ns
        if end_ns is not None:
            chosen &= labels.time_ns < end_ns
        return labels.take(chosen)

    def write_baseline(self, model: str, rows: Rows, baseline_id: str) -> str:
        path = f"baselines/{path_part(model)}/{path_part(baseline_id)}{PARQUET}"
        write_table(inside(self._root, path), rows_table.to_table(rows))
        return path

    def read_baseline(self, path: str) -> Rows:
        """The rows in the order in which they were given: a baseline without times has no other."""
        return rows_table.from_tables([read_table(inside(self._root, path))])

    def delete_baseline(self, path: str) -> None:
        """A file that is gone already is no error."""
        inside(self._root, path).unlink(missing_ok=True)

    def write_findings(self, findings: Sequence[Finding], rule: str, now_ns: int) -> Segment:
        """Findings of one model and version, each of a window with a start and an end."""
        spans = [(f.window.start_ns, f.window.end_ns) for f in findings]
        if not findings or any(start is None or end is None for start, end in spans):
            raise ValueError("findings without a window, or none at all, make no segment")
        if len({(f.model, f.version) for f in findings}) > 1:
            raise ValueError("findings of several models or versions make no segment")
        times = np.array([(start, max(start or 0, (end or 0) - 1)) for start, end in spans], np.int64)
        table = findings_table.to_table(findings, rule)
        name, version = findings[0].model, findings[0].version or ""
        return self._write("measurements", name, version, table, times.ravel(), now_ns)

    def find_findings(self, segments: Sequence[Segment], query: FindingQuery) -> list[Finding]:
        return findings_table.find([self._path(segment) for segment in segments], query)

    def worst_findings(
        self, segments: Sequence[Segment], query: FindingQuery, columns: Sequence[Span], per: FindingKey
    ) -> list[tuple[int, Finding]]:
        return findings_table.find_worst([self._path(segment) for segment in segments], query, columns, per)

    def write_records(
        self, kind: SegmentKind, model: str, version: str, span: Span, records: Sequence[Mapping[str, Any]], now_ns: int
    ) -> Segment:
        """One call holds all records of the window: it takes the place of what an earlier revision wrote, even when empty."""
        table = records_table.to_table(records, span)
        return self._write(kind, model, version, table, _bounds(span), now_ns)

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
        return records_table.find(
            self._files(segments),
            start_ns=start_ns,
            end_ns=end_ns,
            prediction_id=prediction_id,
            limit=limit,
            offset=offset,
            slice=slice,
        )

    def delete(self, segments: Sequence[Segment]) -> None:
        """Files that are gone already are no error: a deletion that was cut short is done again."""
        for segment in segments:
            self._path(segment).unlink(missing_ok=True)
            self._index(segment).unlink(missing_ok=True)

    def sweep(self, registered: Callable[[Sequence[str]], set[str]], before_ns: int) -> int:
        """An index goes with its segment; what is half written goes by itself."""
        swept = 0
        for kind in get_args(SegmentKind):
            for folder, _, names in os.walk(self._root / kind):
                old = [path for name in names if _is_older(path := Path(folder) / name, before_ns)]
                segments = {str(path.relative_to(self._root).with_suffix(PARQUET)): path for path in old}
                known = registered(list(segments)) if segments else set()
                for path in old:
                    if str(path.relative_to(self._root).with_suffix(PARQUET)) not in known:
                        path.unlink(missing_ok=True)
                        swept += path.suffix == PARQUET
        return swept

    def compact(self, segments: Sequence[Segment], now_ns: int) -> Segment:
        """One new segment with the rows of registered ones of one kind, model and version; give all of a time range at once."""
        if len({(s.kind, s.model, s.version) for s in segments}) != 1:
            raise ValueError("only segments of one kind, model and version make one segment")
        kind, model, version = segments[0].kind, segments[0].model, segments[0].version
        if kind in get_args(RowsKind):
            return self.write_rows(model, version, self.read_rows(segments), now_ns, cast("RowsKind", kind))
        bounds = np.array([(s.start_ns, s.end_ns) for s in segments], np.int64).ravel()
        if kind == "labels":
            table, metadata = labels_table.to_table(*self._latest_labels(segments))
            return self._write(kind, model, version, table, bounds, now_ns, metadata=metadata)
        if kind == "measurements":
            tables = [read_table(self._path(segment)) for segment in segments]
            table = pa.concat_tables(tables, promote_options="default")
            return self._write(kind, model, version, table, bounds, now_ns)
        table = records_table.surviving(self._files(segments))
        return self._write(kind, model, version, table, bounds, now_ns, suffix=records_table.COMPACTED)

    def thin(self, segments: Sequence[Segment], now_ns: int) -> Segment:
        if len({(s.model, s.version) for s in segments}) != 1:
            raise ValueError("only measurements of one model and version make one segment")
        model, version = segments[0].model, segments[0].version
        table = findings_table.thinned([self._path(segment) for segment in segments])
        bounds = np.array([(s.start_ns, s.end_ns) for s in segments], np.int64).ravel()
        return self._write("measurements", model, version, table, bounds, now_ns)

    def _write(
        self,
        kind: SegmentKind,
        model: str,
        version: str,
        table: Any,
        times: npt.NDArray[np.int64],
        now_ns: int,
        *,
        metadata: Mapping[bytes, bytes] | None = None,
        suffix: str = PARQUET,
    ) -> Segment:
        start_ns, end_ns = _range(times)
        path = segment_path(kind, model, version, start_ns, suffix)
        write_table(inside(self._root, path), table, metadata)
        return Segment(kind, model, version, path, len(table), start_ns, end_ns, now_ns)

    def _latest_labels(self, segments: Sequence[Segment]) -> tuple[Labels, npt.NDArray[np.int64]]:
        tables = [read_table(self._path(segment)) for segment in segments]
        return labels_table.from_tables(tables, [segment.id for segment in segments])

    def _files(self, segments: Sequence[Segment]) -> list[tuple[Path, Segment]]:
        return [(self._path(segment), segment) for segment in segments]

    def _path(self, segment: Segment) -> Path:
        return inside(self._root, segment.path)

    def _index(self, segment: Segment) -> Path:
        return _index_path(self._path(segment))


def _index_path(path: Path) -> Path:
    return path.with_suffix(INDEX)


def _is_older(path: Path, before_ns: int) -> bool:
    try:
        return path.stat().st_mtime_ns < before_ns
    except FileNotFoundError:
        return False


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _range(times: npt.NDArray[np.int64]) -> tuple[int, int]:
    if len(times) == 0:
        raise ValueError("no rows make no segment")
    return int(times.min()), int(times.max())


def _bounds(span: Span) -> npt.NDArray[np.int64]:
    if span.start_ns is None or span.end_ns is None:
        raise ValueError("a window without a start and an end makes no segment")
    return np.array([span.start_ns, max(span.start_ns, span.end_ns - 1)], np.int64)
