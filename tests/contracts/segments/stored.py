"""What the tests put into a store, and how they look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from monitor.findings import AlertKind, Finding, Span, Status
from monitor.ports import Labels, Segment
from monitor.tiles.rows import Column, Rows


def registered(*segments: Segment) -> list[Segment]:
    """As the catalog would give them back: with ids that ascend."""
    return [replace(segment, id=i) for i, segment in enumerate(segments, 1)]


def rows(times: Sequence[int], ids: Sequence[str] | None = None, **columns: Column) -> Rows:
    n = len(times)
    return Rows(
        time_ns=np.array(times, np.int64),
        id=np.array(ids or [f"p{t}" for t in times], object),
        row=np.zeros(n, np.int32),
        of=np.ones(n, np.int32),
        columns=columns,
    )


def column(values: Sequence[Any], dtype: Any = None, missing: Sequence[int] = ()) -> Column:
    mask = np.zeros(len(values), np.bool_)
    mask[list(missing)] = True
    return Column(np.array(values, dtype), mask if missing else None)


def shown(of: Column) -> list[Any]:
    """Values, with None where they are missing."""
    missing = np.zeros(len(of), np.bool_) if of.missing is None else of.missing
    return [None if gone else value for value, gone in zip(of.values.tolist(), missing, strict=True)]


def labels(*pairs: tuple[str, object, int]) -> Labels:
    values = np.empty(len(pairs), object)
    values[:] = [value for _, value, _ in pairs]
    return Labels(np.array([i for i, _, _ in pairs], object), values, np.array([t for *_, t in pairs], np.int64))


def finding(start: int = 0, feature: str | None = "AGEP", **more: Any) -> Finding:
    known = Finding(
        "income", "1", None, feature, "psi", AlertKind.DRIFT, Span(start, start + 10), 0.25, 0.125, 0.5, 1000, 100, 1,
        0.05, "default", Status.OK, None,
    )  # fmt: skip
    return replace(known, **more)


def record(prediction: str, time: int, **more: object) -> dict[str, object]:
    return {"prediction_id": prediction, "time_ns": time, **more}
