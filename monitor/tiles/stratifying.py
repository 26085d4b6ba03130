"""From rows to the counts of groups within strata."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monitor.tiles.coding import MISSING, counts_by_name, encode
from monitor.tiles.intersections import group_column
from monitor.tiles.joined import Outputs
from monitor.tiles.outcome_kernels import count_groups
from monitor.tiles.rows import Rows
from monitor.tiles.strata import STRATA_MAX, StrataTile


def strata_in(rows: Rows, column: str) -> tuple[str, ...] | None:
    """The strata that a baseline freezes, the largest first; None where its rows lack the column."""
    found = rows.columns.get(column)
    if found is None or found.values.ndim != 1:
        return None
    return tuple(counts_by_name(found))[:STRATA_MAX]


def strata_of(
    rows: Rows, outputs: Outputs, groups: Mapping[str, tuple[str, ...]], frozen: Mapping[str, tuple[str, ...]]
) -> dict[str, StrataTile]:
    """A tile for every group column, where the rows have the strata's column and the model says positive or not."""
    selected, decided = outputs.selected, outputs.decided
    if not frozen or selected is None or decided is None or outputs.task in ("multilabel", "ranking"):
        return {}
    (name, strata), *_ = frozen.items()
    if name not in rows.columns:
        return {}
    stratum = encode(rows.columns[name], strata).codes
    positive = outputs.positive
    labelled = outputs.labelled if positive is not None else np.zeros(len(rows), np.bool_)
    found = {}
    for column, own in groups.items():
        values = group_column(rows, column)
        if values is None:
            continue
        group = encode(values, own).codes
        beyond = len(own) * len(strata)
        codes = np.where((group >= len(own)) | (stratum >= len(strata)), beyond, group * len(strata) + stratum)
        codes = np.where((group == MISSING) | (stratum == MISSING), MISSING, codes).astype(group.dtype)
        counts = np.zeros((beyond, 6), np.int64)
        unseen, missing = count_groups(
            codes, decided, selected, labelled, labelled if positive is None else positive, counts
        )
        found[column] = StrataTile(own, strata, counts.reshape(len(own), len(strata), 6), unseen, missing)
    return found
