"""The share of rows without a usable value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import Comparison, Role, absent_from_baseline, nothing, roles
from monitor.tiles.tileset import FeatureTile


def missing_ratio(before: FeatureTile | None, now: FeatureTile | None, rows: int) -> Value:
    """Share of a window's rows in which a column has no usable value.

    **What it tells.** Whether a column still arrives: nulls, NaN, infinities, texts where numbers are due, and rows
    that lack the column altogether.

    **Formula.** (rows without a usable value) / (rows). A column that the whole window lacks has ratio 1. Of text,
    timestamps and vectors only this is measured.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own share. The interval is Wilson's.

    **When it misleads.** Rows that come in bursts (one broken client) are not independent, so the interval is too
    narrow. A default value that a client sends instead of nothing is not missing; it shows as drift.

    **Reference.** Wilson 1927.

    >>> import numpy as np
    >>> from monitor.tiles.categorical import CategoricalTile
    >>> found = missing_ratio(CategoricalTile(np.array([100, 0])), CategoricalTile(np.array([90, 0]), missing=10), 100)
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (0.1, 0.055, 0.174)
    """
    known = 0 if before is None else before.rows
    if not rows:
        return nothing(Status.NO_DATA, "the window has no rows", n_baseline=known)
    if now is None:
        low, high = wilson(rows, rows)
        reason = "no row of the window has this column"
        return Value(1.0, low, high, n_baseline=known, n_window=rows, n_missing=rows, reason=reason)
    # Rows of merged windows that lack the column as a whole are missing too.
    missing = rows - now.n
    low, high = wilson(missing, rows)
    return Value(missing / rows, low, high, n_baseline=known, n_window=rows, n_missing=missing)


@dataclass(frozen=True, slots=True)
class MissingRatio:
    """Measured on every feature and prediction column, whatever its kind; labels come late and are not missing."""

    name: str = "missing_ratio"
    prometheus: str = "outrider_missing_ratio"
    help: str = "Share of rows without a usable value."
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        for role in roles(comparison)[:2]:
            for name in role.grids:
                value = missing_ratio(role.baseline[name], role.window.get(name), comparison.window.rows)
                yield Measurement(self.name, self.kind, name, None, value)
            for name in role.declared:
                if name not in role.grids:
                    yield Measurement(self.name, self.kind, name, None, self._unknown(role, name))

    def _unknown(self, role: Role, name: str) -> Value:
        return absent_from_baseline(role, name)


MISSING_RATIO = MissingRatio()
