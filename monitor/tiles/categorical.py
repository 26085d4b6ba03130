"""Tile of a category (boolean too): counts of the baseline's frozen categories, of the rest, and of what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from monitor.tiles.wire import Reader, count, raw

CATEGORIES_MAX = 1_000
"""Frozen categories of a feature; the baseline's rarer ones are counted together as `folded`."""
FOLDED_MAX = 100_000
"""Names of rarer categories that a grid remembers; the rest of a column with more than that counts as unseen, in the
baseline's own tile too."""
UNSEEN_NAMES_MAX = 64
"""Names of new categories kept with a tile: shown, never judged."""


@dataclass(frozen=True, slots=True)
class CategoricalGrid:
    """The baseline's categories in canonical form, most frequent first; `folded` are known but counted together."""

    categories: tuple[str, ...]
    folded: frozenset[str] = frozenset()

    def to_plain(self) -> list[object]:
        return [list(self.categories), sorted(self.folded)]

    @classmethod
    def from_plain(cls, document: object, where: str) -> CategoricalGrid:
        reader = Reader(document, where)
        categories, folded = reader.texts(), reader.texts()
        if len(categories) > CATEGORIES_MAX or len(set(categories)) < len(categories):
            raise ValueError(f"{where}[0]: expected at most {CATEGORIES_MAX} categories, each once")
        reader.done()
        return cls(categories, frozenset(folded))


@dataclass(frozen=True, slots=True)
class CategoricalTile:
    """`counts` int64 of shape [categories + 1]; the last is the folded ones. `unseen` rows hold a category the baseline has not."""

    counts: npt.NDArray[np.int64]
    unseen: int = 0
    missing: int = 0
    unseen_names: Mapping[str, int] = field(default_factory=dict)
    """The most frequent new categories (shown, never judged; a merge keeps the UNSEEN_NAMES_MAX largest)."""
    _n: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `n` summed: at most one."""

    @property
    def n(self) -> int:
        """Rows with a category, new ones included."""
        if not self._n:
            self._n.append(int(self.counts.sum()) + self.unseen)
        return self._n[0]

    @property
    def n_missing(self) -> int:
        return self.missing

    @property
    def rows(self) -> int:
        return self.n + self.missing

    @classmethod
    def empty(cls, grid: CategoricalGrid) -> CategoricalTile:
        return cls(np.zeros(len(grid.categories) + 1, np.int64))

    def merge(self, other: CategoricalTile) -> CategoricalTile:
        names = dict(self.unseen_names)
        for name, more in other.unseen_names.items():
            names[name] = names.get(name, 0) + more
        kept = sorted(names.items(), key=lambda item: (-item[1], item[0]))[:UNSEEN_NAMES_MAX]
        return CategoricalTile(
            self.counts + other.counts, self.unseen + other.unseen, self.missing + other.missing, dict(kept)
        )

    def to_plain(self) -> list[object]:
        return [raw(self.counts), self.unseen, self.missing, dict(sorted(self.unseen_names.items()))]

    @classmethod
    def from_plain(cls, document: object, where: str) -> CategoricalTile:
        reader = Reader(document, where)
        counts = reader.counts(-1)
        if not 1 <= len(counts) <= CATEGORIES_MAX + 1:
            raise ValueError(f"{where}[0]: found {len(counts)} cells, expected 1 to {CATEGORIES_MAX + 1}")
        unseen, missing, names = reader.count(), reader.count(), reader.mapping(count)
        if len(names) > UNSEEN_NAMES_MAX:
            raise ValueError(f"{where}[3]: found {len(names)} names, expected at most {UNSEEN_NAMES_MAX}")
        reader.done()
        return cls(counts, unseen, missing, names)
