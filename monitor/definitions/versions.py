"""The section `versions`: which version is the champion, which are tried beside it, and how traffic is shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from monitor.definitions.reading import Reader

Mode = Literal["ab", "canary", "shadow"]
CANDIDATES_MAX = 8
"""Each is judged in every window, and has its part of the model's alarms."""
SPLIT_ERROR_MAX = 0.01
"""A split that is written with two digits need not sum to 1."""


@dataclass(frozen=True, slots=True)
class Versions:
    """`candidates` are held against the `champion` in the same windows. `split`: the share of requests that each should get.

    In an A/B test and in a canary each request goes to one version; a shadow answers what the champion answers.
    """

    champion: str
    candidates: tuple[str, ...]
    mode: Mode = "canary"
    split: Mapping[str, float] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return self.champion, *self.candidates

    def is_candidate(self, version: str) -> bool:
        return version in self.candidates


def read_versions(reader: Reader, value: object, where: str) -> Versions:
    """`{champion: v1, candidates: [v2], mode: ab, split: {v1: 0.5, v2: 0.5}}`."""
    found = reader.mapping(value, where, ("champion", "candidates", "mode", "split"))
    champion = reader.text(found.get("champion"), f"{where}.champion")
    candidates = reader.names(found.get("candidates", ()), f"{where}.candidates", CANDIDATES_MAX)
    if not candidates:
        reader.fault(f"{where}.candidates", "nothing", "at least one version beside the champion")
    if champion in candidates:
        reader.fault(f"{where}.candidates", champion, "versions other than the champion")
    mode = cast("Mode", reader.one_of(found.get("mode", "canary"), f"{where}.mode", get_args(Mode)))
    split = _split(reader, found.get("split"), f"{where}.split", (champion, *candidates))
    if split and mode == "shadow":
        reader.fault(f"{where}.split", "of a shadow", "no split: a shadow answers what the champion answers")
    return Versions(champion, candidates, mode, split)


def _split(reader: Reader, value: object, where: str, names: tuple[str, ...]) -> dict[str, float]:
    if value is None:
        return {}
    found = reader.mapping(value, where, names)
    split = {name: reader.number(share, f"{where}.{name}", 0.0, 1.0) for name, share in found.items() if name in names}
    missing = [name for name in names if name not in split]
    if missing:
        reader.fault(where, f"no share of {missing[0]}", "the share of every version")
    elif abs(sum(split.values()) - 1) > SPLIT_ERROR_MAX or min(split.values()) <= 0:
        reader.fault(where, f"shares that sum to {sum(split.values()):g}", "shares above 0 that sum to 1")
    return split


def write_versions(versions: Versions | None) -> dict[str, Any]:
    """The section under its key; nothing where none is declared."""
    if versions is None:
        return {}
    section: dict[str, Any] = {
        "champion": versions.champion,
        "candidates": list(versions.candidates),
        "mode": versions.mode,
    }
    return {"versions": section | ({"split": dict(versions.split)} if versions.split else {})}
