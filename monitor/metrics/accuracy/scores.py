"""The scores of labelled rows as their tile knows them: counts in equal cells of [0, 1]."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.tiles.numeric import SCORE_CELLS

CELL_HALF = 0.5 / SCORE_CELLS
"""A row's score is within this of the centre of its cell."""

NO_SCORE = "no labelled row has a score on [0, 1]"


def centres() -> npt.NDArray[np.float64]:
    return (np.arange(SCORE_CELLS) + 0.5) / SCORE_CELLS
