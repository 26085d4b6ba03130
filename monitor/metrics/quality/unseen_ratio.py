"""The share of values whose category the baseline has not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import Comparison, roles, without_values
from monitor.tiles.categorical import CategoricalTile
from monitor.tiles.freeze import KINDS_OF_PRESENCE

NAMES_SHOWN = 3
NAME_CHARS_MAX = 40


def unseen_ratio(before: CategoricalTile, now: CategoricalTile) -> Value:
    """Share of a window's values whose category does not occur in the baseline.

    **What it tells.** New codes, misspellings, another encoding: values the model was never shown.

    **Formula.** (rows of a new category) / (rows with a category). Categories compare in canonical form: 17, 17.0 and
    "17" are one. The most frequent new names are given as the reason.

    **Range.** 0 to 1.

    **How to read.** Anything well above 0 deserves a look. The interval is Wilson's.

    **When it misleads.** A column with more categories than a baseline can hold (rare codes, place names) meets new
    ones in every window: compare with how many rows of the baseline were the only one of their category.

    **Reference.** Wilson 1927.

    >>> import numpy as np
    >>> now = CategoricalTile(np.array([95, 0]), unseen=5, unseen_names={"teal": 5})
    >>> found = unseen_ratio(CategoricalTile(np.array([100, 0])), now)
    >>> found.value, found.reason
    (0.05, 'new: teal (5)')
    """
    low, high = wilson(now.unseen, now.n)
    reason = None
    if now.unseen:
        ranked = sorted(now.unseen_names.items(), key=lambda item: (-item[1], item[0]))[:NAMES_SHOWN]
        more = "" if len(now.unseen_names) <= NAMES_SHOWN else ", …"
        reason = "new: " + ", ".join(f"{name[:NAME_CHARS_MAX]} ({count})" for name, count in ranked) + more
    return Value(
        now.unseen / now.n, low, high, n_baseline=before.n, n_window=now.n, n_missing=now.n_missing, reason=reason
    )


@dataclass(frozen=True, slots=True)
class UnseenRatio:
    """Measured on every categorical feature and prediction column."""

    name: str = "unseen_ratio"
    prometheus: str = "outrider_unseen_ratio"
    help: str = "Share of values whose category the baseline has not."
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        for role in roles(comparison)[:2]:
            for name, before in role.baseline.items():
                if not isinstance(before, CategoricalTile) or role.kinds.get(name) in KINDS_OF_PRESENCE:
                    continue
                now = role.window.get(name)
                if isinstance(now, CategoricalTile) and now.n and before.n:
                    value = unseen_ratio(before, now)
                else:
                    value = without_values(role, name, before, now)
                yield Measurement(self.name, self.kind, name, None, value)


UNSEEN_RATIO = UnseenRatio()
