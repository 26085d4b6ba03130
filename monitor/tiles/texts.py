"""Texts as numbers: what a text feature is described by, whatever its language. No text enters a tile, single words do.

Each row gives one word, drawn by the hash of its text: rows stay independent, so the words of a window compare with the
baseline's as any categories do, and the frozen ones are the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b

import numpy as np

from monitor.definitions import FeatureKind
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Grid

TEXT_CHARS_MAX = 20_000
"""Characters of a text that are looked at beyond its length."""
WORD_CHARS_MAX = 40
WORDS_MIN = 2.0
"""Words that the texts of a baseline have on average, from which on they are described: fewer, and they are identifiers."""
DESCRIPTORS = ("length", "words", "sentence_words", "non_ascii", "digits", "word")
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"[.!?]+(?:\s|$)|[。！？؟।]+|\n+")
_DIGIT = re.compile(r"\d")


def describe(column: Column) -> dict[str, Column]:
    """The descriptors of the texts that are there: rows without one have no entry. Empty of a column without texts."""
    texts = _texts(column)
    if not texts:
        return {}
    numbers = np.empty((len(texts), len(DESCRIPTORS) - 1))
    drawn = np.empty(len(texts), object)
    for i, text in enumerate(texts):
        part = text[:TEXT_CHARS_MAX]
        words = _WORD.findall(part)
        sentences = sum(1 for own in _SENTENCE_END.split(part) if own and not own.isspace())
        chars = max(1, len(part))
        numbers[i] = (
            len(text),
            len(words),
            len(words) / max(1, sentences),
            0.0 if part.isascii() else sum(c > "\x7f" for c in part) / chars,
            len(_DIGIT.findall(part)) / chars,
        )
        drawn[i] = _drawn(part, words)
    found = {name: Column(np.ascontiguousarray(numbers[:, i])) for i, name in enumerate(DESCRIPTORS[:-1])}
    wordless = np.array([word is None for word in drawn], np.bool_)
    return {**found, "word": Column(drawn, wordless if wordless.any() else None)}


def frozen_texts(
    rows: Rows, kinds: Mapping[str, FeatureKind], numeric: Callable[[Column], Grid], words: Callable[[Column], Grid]
) -> dict[str, Grid]:
    """The grids of the descriptors of all text features that hold prose, by `feature.descriptor`."""
    grids: dict[str, Grid] = {}
    for name, kind in kinds.items():
        if kind == "text" and name in rows.columns:
            found = describe(rows.columns[name])
            if found and float(found["words"].values.mean()) >= WORDS_MIN:
                grids |= {f"{name}.{k}": words(own) if k == "word" else numeric(own) for k, own in found.items()}
    return grids


def _texts(column: Column) -> list[str]:
    if column.values.dtype.kind != "O" or column.values.ndim != 1:
        return []
    values = column.values.tolist()
    absent = [False] * len(values) if column.missing is None else column.missing.tolist()
    return [value for value, gone in zip(values, absent, strict=True) if not gone and isinstance(value, str) and value]


def _drawn(text: str, words: list[str]) -> str | None:
    """One of a text's words in small letters, the same for the same text; None where it has none."""
    if not words:
        return None
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=b"outrider words").digest()
    return words[int.from_bytes(digest, "big") % len(words)].lower()[:WORD_CHARS_MAX]
