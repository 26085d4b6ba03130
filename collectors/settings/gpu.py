"""`gpu`: devices and metrics pages that are sampled beside the traffic."""

from dataclasses import dataclass
from typing import Any

from collectors.settings.reading import Unexpected, flag, mappings, names, number, url

EVERY_SECONDS = 15.0
"""Often enough for windows of minutes, and four records a minute for each device and model."""

PAGES_MAX = 16
"""Metrics pages of one sidecar: a server, its twin, an exporter."""


@dataclass(frozen=True, slots=True)
class GpuSetting:
    """`nvml` asks NVIDIA's driver, `scrape` are metrics pages; `devices` restricts both to these UUIDs, which the server has."""

    nvml: bool = True
    scrape: tuple[str, ...] = ()
    every_seconds: float = EVERY_SECONDS
    devices: tuple[str, ...] = ()


def read_gpu(value: object) -> GpuSetting:
    if value is True:
        return GpuSetting()
    readers: dict[str, Any] = {
        "nvml": flag,
        "scrape": _pages,
        "every_seconds": number(1, 3600),
        "devices": names(),
    }
    try:
        read = mappings([value], readers, required=())[0]
    except Unexpected as unexpected:
        faults = [(path.removeprefix("[0]"), found, expected) for path, found, expected in unexpected.faults]
        raise Unexpected(*faults) from unexpected
    return GpuSetting(**read)


def _pages(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > PAGES_MAX:
        raise Unexpected(("", value, f"a list of at most {PAGES_MAX} URLs"))
    faults: list[tuple[str, object, str]] = []
    found: list[str] = []
    for position, each in enumerate(value):
        try:
            found.append(url(each))
        except Unexpected as unexpected:
            faults += [(f"[{position}]", what, expected) for _, what, expected in unexpected.faults]
    if faults:
        raise Unexpected(*faults)
    return tuple(dict.fromkeys(found))
