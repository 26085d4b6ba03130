"""The section `baseline`: which past a window is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from monitor.definitions.reading import Reader
from monitor.definitions.sections import UNIT_NS, spell

Season = Literal["hour_of_day", "day_of_week", "hour_of_week"]
DEFAULT_HISTORY_NS = 8 * UNIT_NS["w"]
HISTORY_NS_MAX = 104 * UNIT_NS["w"]
"""Two years: older windows say little of today, and each must be kept and read."""
_FORMS = ("trailing", "season", "version")


@dataclass(frozen=True, slots=True)
class BaselineRule:
    """At most one of `trailing_ns` (the time before the window), `season` (the same hour or day of the last
    `history_ns`, by the clock of `zone`) and `version` (the same windows of another version); none: the baseline as it was set.
    """

    trailing_ns: int | None = None
    season: Season | None = None
    history_ns: int = DEFAULT_HISTORY_NS
    zone: str | None = None
    """None: that of the window rule."""
    version: str | None = None

    @property
    def fixed(self) -> bool:
        return self.trailing_ns is None and self.season is None and self.version is None

    @property
    def reach_ns(self) -> int:
        """How far back it looks."""
        return self.trailing_ns or (self.history_ns if self.season else 0)


def read_baseline(reader: Reader, value: object, where: str) -> BaselineRule:
    """`fixed`, `{trailing: 7d}`, `{season: hour_of_week, history: 8w, zone: Europe/Paris}` or `{version: v1}`."""
    if value == "fixed":
        return BaselineRule()
    found = reader.mapping(value, where, (*_FORMS, "history", "zone"))
    forms = [form for form in _FORMS if form in found]
    if len(forms) != 1:
        reader.fault(where, " and ".join(forms) or "nothing", "`fixed`, or exactly one of " + ", ".join(_FORMS))
        return BaselineRule()
    for key in ("history", "zone"):
        if key in found and forms != ["season"]:
            reader.fault(f"{where}.{key}", f"with {forms[0]}", "a season beside it")
    if forms == ["version"]:
        return BaselineRule(version=reader.text(found["version"], f"{where}.version"))
    if forms == ["trailing"]:
        return BaselineRule(trailing_ns=_length(reader, found["trailing"], f"{where}.trailing"))
    return BaselineRule(
        season=cast("Season", reader.one_of(found["season"], f"{where}.season", get_args(Season))),
        history_ns=_length(reader, found["history"], f"{where}.history") if "history" in found else DEFAULT_HISTORY_NS,
        zone=reader.zone(found["zone"], f"{where}.zone") if "zone" in found else None,
    )


def _length(reader: Reader, value: object, where: str) -> int:
    length = reader.duration(value, where)
    if length > HISTORY_NS_MAX:
        reader.fault(where, value, f"at most {spell(HISTORY_NS_MAX)}")
    return length


def write_baseline(rule: BaselineRule) -> Mapping[str, Any]:
    """The section under its key; nothing where the baseline is fixed."""
    if rule.trailing_ns is not None:
        return {"baseline": {"trailing": spell(rule.trailing_ns)}}
    if rule.season is not None:
        section = {"season": rule.season, "history": spell(rule.history_ns)}
        return {"baseline": section | ({"zone": rule.zone} if rule.zone else {})}
    return {"baseline": {"version": rule.version}} if rule.version is not None else {}
