"""The form of metrics that are a share of the rows of a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Value
from monitor.metrics.metric import Comparison, roles, without_values
from monitor.tiles.numeric import NumericTile


@dataclass(frozen=True, slots=True)
class NumericShare:
    """Measured on every numeric feature and prediction column that the window has rows of."""

    name: str
    prometheus: str
    help: str
    of: Callable[[NumericTile, NumericTile], Value]
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        for role in roles(comparison)[:2]:
            for name, before in role.baseline.items():
                if not isinstance(before, NumericTile):
                    continue
                now = role.window.get(name)
                if isinstance(now, NumericTile) and now.rows:
                    value = self.of(before, now)
                else:
                    value = without_values(role, name, before, now)
                yield Measurement(self.name, self.kind, name, None, value)
