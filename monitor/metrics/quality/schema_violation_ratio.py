"""The share of rows that do not keep to the declared schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.quality import RULE_COUNTS

_WORDS = {"type": "of another type", "range": "outside the range", "values": "not allowed", "null": "null"}


def schema_violation_ratio(before: Sequence[int] | None, now: Sequence[int] | None) -> Value:
    """Share of a window's rows whose value in a column does not keep to what the declaration's `schema` asks of it.

    **What it tells.** Values that no row should have, whatever the baseline holds: another type, outside a range, not
    among the allowed ones, missing where there must be one.

    **Formula.** (rows that break at least one part of the column's rule) / (rows). How many break which part is the
    reason. A null breaks `not_null` alone; a column that the window lacks is null in every row.

    **Range.** 0 to 1; 0 is what it should be.

    **How to read.** Unlike drift it is held against the rule and not against the baseline: 0 is allowed unless
    `checks: {quality: {schema_violation_ratio: [0, 0.01]}}` allows more. The interval is Wilson's.

    **When it misleads.** A rule learned from a small baseline is too narrow: about 2 / (n + 1) of sound values lie
    outside the range of n rows.

    **Reference.** Wilson 1927; Breck et al. 2019, Data Validation for Machine Learning.

    >>> found = schema_violation_ratio(None, [200, 10, 0, 8, 0, 2])
    >>> round(found.value, 2), round(found.low, 3), found.reason
    (0.05, 0.027, '8 outside the range, 2 null')
    """
    known = 0 if before is None else int(before[0])
    if now is None or not now[0]:
        return nothing(Status.NO_DATA, "the window has no rows", n_baseline=known)
    rows, violating = int(now[0]), int(now[1])
    low, high = wilson(violating, rows)
    broken = zip(RULE_COUNTS[2:], now[2:], strict=True)
    reason = ", ".join(f"{int(count):,} {_WORDS[part]}" for part, count in broken if count)
    return Value(violating / rows, low, high, known, rows, reason=reason or None)


@dataclass(frozen=True, slots=True)
class SchemaViolationRatio:
    """Measured on every column that the schema names, whether or not the baseline has it."""

    name: str = "schema_violation_ratio"
    prometheus: str = "outrider_schema_violation_ratio"
    help: str = "Share of rows that break the declared schema."
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        before, now = comparison.baseline.tiles.quality, comparison.window.quality
        if before is None and now is None:
            return
        for name in comparison.model.schema:
            known = None if before is None else before.rules.get(name)
            found = None if now is None else now.rules.get(name)
            value = schema_violation_ratio(
                None if known is None else known.tolist(), None if found is None else found.tolist()
            )
            yield Measurement(self.name, self.kind, name, None, value)


SCHEMA_VIOLATION_RATIO = SchemaViolationRatio()
