"""What a sidecar says that it saw, between two looks."""

import contextlib
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

SETTLE_SECONDS = 0.5
SETTLE_TIMES_MAX = 60


@dataclass
class Seen:
    """Counts since the first look, filled in at the second."""

    bytes: float = 0.0
    copied: float = 0.0
    uncopied: float = 0.0
    captured: float = 0.0
    exchanges: float = 0.0
    packets: float = 0.0
    packets_dropped: float = 0.0

    @property
    def share(self) -> float:
        """Of what passed, what was copied to be decoded: by packets where the kernel dropped some."""
        kept = 1 - self.packets_dropped / self.packets if self.packets else 1.0
        return kept * self.copied / self.bytes if self.bytes else 0.0

    @property
    def adds_up(self) -> bool:
        return self.bytes == self.copied + self.uncopied


_SERIES = {
    "bytes": "outrider_tap_bytes_total",
    "copied": "outrider_tap_copied_bytes_total",
    "uncopied": "outrider_tap_uncopied_bytes_total",
    "exchanges": "outrider_capture_exchanges_total",
    "packets": "outrider_tap_packets_total",
    "packets_dropped": "outrider_tap_dropped_packets_total",
}


def scraped(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()

    def total(name: str, label: str = "") -> float:
        found = re.findall(rf"^{name}(\{{[^\n]*\}})? ([0-9.eE+-]+)$", text, re.M)
        return sum(float(value) for labels, value in found if label in labels)

    told = {field: total(name) for field, name in _SERIES.items()}
    told["captured"] = total("outrider_capture_exchanges_total", 'outcome="captured"')
    return told | {"waiting": total("outrider_tap_ring_bytes")}


def settled(port: int) -> dict[str, float]:
    """The account once what waits has been read."""
    before, now = {}, scraped(port)
    for _ in range(SETTLE_TIMES_MAX):
        if before == now and not now["waiting"]:
            break
        time.sleep(SETTLE_SECONDS)
        before, now = now, scraped(port)
    return now


@contextlib.contextmanager
def seen(port: int | None) -> Iterator[Seen]:
    """What the sidecar with metrics on this port saw in the block; nothing for a way without one."""
    found = Seen()
    before = settled(port) if port else {}
    yield found
    if port:
        after = settled(port)
        for name in vars(found):
            setattr(found, name, after[name] - before[name])
