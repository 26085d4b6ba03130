"""Tile of the outcome of a multi-label model: sets of labels that were said and that were true.

A set is a text: labels between bars (`cat|dog`), or a JSON list of texts. An empty text is the empty set, a null is none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collectors.records.categories import canonical_category
from monitor.tiles.categorical import CATEGORIES_MAX
from monitor.tiles.coding import MISSING, encode
from monitor.tiles.rows import Column
from monitor.tiles.wire import Reader, raw

BAR = "|"
TRUE_POSITIVES, FALSE_POSITIVES, FALSE_NEGATIVES = range(3)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MultilabelOutcome:
    """`counts` int64 [classes + 1, 3]: TP, FP, FN of each frozen label, the others together last.

    `sums` f64 [9] over the labelled rows: F1 of the row and its square; wrong labels and their square; and with
    a = 2 tp, b = 2 tp + fp + fn of the row the sums of a, b, a², ab, b², from which micro averages get their interval.
    """

    counts: Ints
    sums: Floats
    labelled: int = 0
    exact: int = 0
    """Rows whose two sets are the same."""
    unlabelled: int = 0
    unusable: int = 0

    @classmethod
    def empty(cls, classes: int) -> MultilabelOutcome:
        return cls(np.zeros((classes + 1, 3), np.int64), np.zeros(9))

    def merge(self, other: MultilabelOutcome) -> MultilabelOutcome:
        return MultilabelOutcome(
            self.counts + other.counts,
            self.sums + other.sums,
            self.labelled + other.labelled,
            self.exact + other.exact,
            self.unlabelled + other.unlabelled,
            self.unusable + other.unusable,
        )

    def to_plain(self) -> list[object]:
        size, sums = len(self.counts), raw(self.sums)
        return [size, raw(self.counts), sums, self.labelled, self.exact, self.unlabelled, self.unusable]

    @classmethod
    def from_plain(cls, document: object, where: str) -> MultilabelOutcome:
        reader = Reader(document, where)
        size = reader.count()
        if not 1 <= size <= CATEGORIES_MAX + 1:
            raise ValueError(f"{where}[0]: found {size} labels, expected 1 to {CATEGORIES_MAX + 1}")
        tile = cls(reader.counts(size, 3), reader.reals(9), *(reader.count() for _ in range(4)))
        reader.done()
        return tile


def labels_in(text: str) -> frozenset[str]:
    """The labels of one set, in canonical form."""
    parts: Sequence[object] = text.split(BAR)
    if text.startswith("["):
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, list):
            parts = parsed
    names = (
        canonical_category(part.strip() if isinstance(part, str) else part)
        for part in parts
        if not isinstance(part, list | dict)
    )
    return frozenset(name for name in names if name)


def labels_of(sets: Sequence[str]) -> tuple[str, ...]:
    """The distinct labels of sets that come most frequent first: each at the place of its first."""
    found = dict.fromkeys(label for text in sets for label in sorted(labels_in(text)))
    return tuple(found)[:CATEGORIES_MAX]


def multilabel(label: Column | None, column: Column, classes: Sequence[str]) -> MultilabelOutcome:
    """The outcome of some rows. Each pair of sets is compared once, however many rows have it."""
    tile = MultilabelOutcome.empty(len(classes))
    if label is None:
        return MultilabelOutcome(tile.counts, tile.sums, unlabelled=len(column))
    truth, said = encode(label, ()), encode(column, ())
    labelled = truth.codes != MISSING
    usable = labelled & (said.codes != MISSING)
    # Codes of names that no grid knows begin behind the one of the folded.
    width = len(said.unseen) + 1
    pairs, rows = np.unique(truth.codes[usable] * width + said.codes[usable], return_counts=True)
    true_sets, said_sets = [labels_in(n) for n in truth.unseen], [labels_in(n) for n in said.unseen]
    at = {name: i for i, name in enumerate(classes)}
    counts, sums, exact = tile.counts, tile.sums, 0
    for pair, n in zip(pairs.tolist(), rows.tolist(), strict=True):
        true, told = true_sets[pair // width - 1], said_sets[pair % width - 1]
        for column_of, names in enumerate((true & told, told - true, true - told)):
            for name in names:
                counts[at.get(name, len(classes)), column_of] += n
        a, b = 2 * len(true & told), len(true) + len(told)
        f1 = a / b if b else 1.0
        wrong = len(true ^ told)
        sums += n * np.array([f1, f1 * f1, wrong, wrong * wrong, a, b, a * a, a * b, b * b], np.float64)
        exact += n * (wrong == 0)
    return MultilabelOutcome(
        counts,
        sums,
        labelled=int(usable.sum()),
        exact=exact,
        unlabelled=int(len(labelled) - labelled.sum()),
        unusable=int((labelled & ~usable).sum()),
    )
