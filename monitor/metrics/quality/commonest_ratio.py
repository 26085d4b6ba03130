"""The share of a column's commonest value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import Comparison, nothing, roles, without_values
from monitor.tiles.categorical import CategoricalTile
from monitor.tiles.freeze import KINDS_OF_PRESENCE
from monitor.tiles.tileset import FeatureTile


def commonest_ratio(before: FeatureTile, now: FeatureTile) -> Value:
    """Share of a column's values that are its commonest one; 1 is a column that has become constant.

    **What it tells.** A sensor that is stuck, a default that a client sends for everything, a feature that was switched
    off.

    **Formula.** (rows with the commonest value) / (rows with a value). Of numbers whose values are not counted one by one
    it is that of the fullest of the 260 cells between baseline quantiles, and exactly 1 where all are equal.

    **Range.** Above 0 to 1.

    **How to read.** The baseline's own share is given as the reason. The interval is Wilson's.

    **When it misleads.** A number that moves into one cell, beyond the baseline's range for instance, has a large share
    without being constant: the drift metrics tell which it is. A window of few rows is constant by chance.

    **Reference.** Wilson 1927.

    >>> import numpy as np
    >>> found = commonest_ratio(CategoricalTile(np.array([60, 40, 0])), CategoricalTile(np.array([50, 0, 0])))
    >>> found.value, found.reason
    (1.0, 'constant; 60.0 % in the baseline')
    """
    known, most = _commonest(before), _commonest(now)
    low, high = wilson(most, now.n)
    word = "constant" if most == now.n and now.n > 1 else None
    there = f"{100 * known / before.n:.1f} % in the baseline" if before.n else None
    reason = "; ".join(part for part in (word, there) if part) or None
    return Value(most / now.n, low, high, before.n, now.n, now.n_missing, reason=reason)


def _commonest(tile: FeatureTile) -> int:
    if isinstance(tile, CategoricalTile):
        # What is folded together is many values; of the new ones the most frequent have names.
        return int(max([*tile.counts[:-1].tolist(), *tile.unseen_names.values()], default=0)) or min(1, tile.n)
    return tile.n if tile.n and tile.minimum == tile.maximum else int(tile.counts.max(initial=0))


@dataclass(frozen=True, slots=True)
class CommonestRatio:
    """Measured on every feature and prediction column that is counted by value."""

    name: str = "commonest_ratio"
    prometheus: str = "outrider_commonest_ratio"
    help: str = "Share of a column's commonest value (1: constant)."
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        for role in roles(comparison)[:2]:
            for name, before in role.baseline.items():
                if role.kinds.get(name) in KINDS_OF_PRESENCE:
                    continue
                now = role.window.get(name)
                if now is not None and now.n:
                    value = commonest_ratio(before, now)
                elif now is not None and before.n == 0:
                    value = nothing(Status.UNDEFINED, "none of the window's rows has a usable value")
                else:
                    value = without_values(role, name, before, now)
                yield Measurement(self.name, self.kind, name, None, value)


COMMONEST_RATIO = CommonestRatio()
