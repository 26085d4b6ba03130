"""Conformal p-values: how rare a score is among held-out baseline rows, with no assumption on the score's distribution.

With n calibration scores that the detector was not fitted on, p(s) = (1 + #{calibration >= s}) / (n + 1). For a row that
comes from the baseline's population, P(p <= a) <= a at every a, in any window size; and such p-values may be handed to
Benjamini-Hochberg (Bates et al., arXiv 2104.08279).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TAIL_KNOTS = 4_096
"""Largest calibration scores that are kept one by one: they decide which rows are anomalous."""
BODY_KNOTS = 4_096
"""Knots below the tail, evenly spaced in rank: p is resolved to 1/4096 there, always to the larger side."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """`knots` ascending and unique; of `n` scores, `at_least[i]` are >= knots[i] and `above[i]` are > knots[i]."""

    knots: npt.NDArray[np.float64]
    at_least: npt.NDArray[np.int64]
    above: npt.NDArray[np.int64]
    n: int

    @classmethod
    def of(cls, scores: npt.NDArray[np.float64]) -> Calibration:
        """Freeze held-out scores. Between two knots of the body p is rounded up, so it stays valid."""
        ordered = np.sort(scores)
        n = len(ordered)
        body = max(n - TAIL_KNOTS, 0)
        step = max(1, -(-body // BODY_KNOTS))
        knots = np.unique(ordered[np.concatenate([np.arange(0, body, step), np.arange(body, n)])])
        return cls(
            knots,
            n - np.searchsorted(ordered, knots, side="left"),
            n - np.searchsorted(ordered, knots, side="right"),
            n,
        )

    @property
    def finest(self) -> float:
        """The smallest p-value that n calibration scores can give."""
        return 1.0 / (self.n + 1)

    def p_values(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """p of each score: one look-up, whatever else is in the batch."""
        if not self.n:
            return np.ones(len(scores))
        lower = np.searchsorted(self.knots, scores, side="right") - 1
        counts = np.where(self.knots[lower] == scores, self.at_least[lower], self.above[lower])
        counts[lower < 0] = self.n
        return (1.0 + counts) / (self.n + 1.0)
