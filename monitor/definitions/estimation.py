"""The section `estimation`: performance without labels, and labels that come late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.definitions.reading import Reader
from monitor.definitions.sections import spell

OUTSIDE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Estimation:
    """`enabled`: estimates are made where the baseline has labels. `outside_max`: share of a window's rows beyond the

    baseline's support from which an estimate gives no verdict. `labels_complete_after_ns`: age from which a window's
    labels are all there; where it is declared, younger windows are corrected for labels whose delay depends on them.
    """

    enabled: bool = True
    outside_max: float = OUTSIDE_SHARE
    labels_complete_after_ns: int | None = None


def read_estimation(reader: Reader, value: object, where: str) -> Estimation:
    if isinstance(value, bool):
        return Estimation(enabled=value)
    found = reader.mapping(value, where, ("enabled", "outside_max", "labels_complete_after"))
    enabled = found.get("enabled", True)
    if not isinstance(enabled, bool):
        reader.fault(f"{where}.enabled", enabled, "true or false")
        enabled = True
    after = found.get("labels_complete_after")
    return Estimation(
        enabled=enabled,
        outside_max=reader.number(found.get("outside_max", OUTSIDE_SHARE), f"{where}.outside_max", 0.0, 1.0),
        labels_complete_after_ns=None if after is None else reader.duration(after, f"{where}.labels_complete_after"),
    )


def write_estimation(section: Estimation) -> Mapping[str, Any]:
    """The section under its key; nothing where all is as by default."""
    if section == Estimation():
        return {}
    document: dict[str, Any] = {"enabled": section.enabled, "outside_max": section.outside_max}
    if section.labels_complete_after_ns is not None:
        document["labels_complete_after"] = spell(section.labels_complete_after_ns)
    return {"estimation": document}
