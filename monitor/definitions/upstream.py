"""The section `upstream`: the models whose answers this one is fed with, tied to it by W3C trace id."""

from __future__ import annotations

from monitor.definitions.reading import Reader

UPSTREAM_MAX = 20
"""Models that one model is fed by directly."""


def read_upstream(reader: Reader, value: object, where: str) -> tuple[str, ...]:
    """`[features-v2, embedder]`: names of models, declared or not yet."""
    names = reader.sequence(value, where, UPSTREAM_MAX)
    found = tuple(reader.name(name, f"{where}[{i}]") for i, name in enumerate(names))
    for name in {n for n in found if found.count(n) > 1}:
        reader.fault(where, f"{name!r} twice", "each model once")
    return found
