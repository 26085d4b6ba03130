"""The passive tap: the ports whose packets are watched, instead of a listener that connections go through."""

from dataclasses import dataclass
from typing import Any

from collectors.settings.reading import MIB, Unexpected, mappings, whole

PORTS_MAX = 32
"""What the kernel's filter compares each packet with; a server has two or three."""
INTERFACE_BYTES_MAX = 15
"""The kernel's names are no longer."""


@dataclass(frozen=True, slots=True)
class Passive:
    """`ports` are the server's own; `ring_bytes` is the kernel's memory for packets that were not read yet.

    `interface` is the one that is watched, None all of them.
    """

    ports: tuple[int, ...]
    ring_bytes: int = 64 * MIB
    interface: str | None = None


def read_passive(value: object) -> Passive:
    readers = {"ports": _ports, "ring_bytes": whole(4 * MIB, 2048 * MIB), "interface": _interface}
    try:
        read: dict[str, Any] = mappings([value], readers, required=("ports",))[0]
    except Unexpected as unexpected:
        faults = [(path.removeprefix("[0]"), found, expected) for path, found, expected in unexpected.faults]
        raise Unexpected(*faults) from unexpected
    return Passive(**read)


def ports_of(text: str) -> list[int | str]:
    """Ports as a flag gives them, PORT[,PORT]; what is no number is left for the reader to tell."""
    return [int(each) if each.isascii() and each.isdigit() else each for each in text.split(",")]


def _interface(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value.encode()) <= INTERFACE_BYTES_MAX or not value.isprintable():
        raise Unexpected(("", value, "the name of an interface, such as lo or eth0"))
    return value


def _ports(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= PORTS_MAX:
        raise Unexpected(("", value, f"a list of one to {PORTS_MAX} ports"))
    port = whole(1, 65535)
    faults: list[tuple[str, object, str]] = []
    for position, each in enumerate(value):
        try:
            port(each)
        except Unexpected as unexpected:
            faults += [(f"[{position}]", found, expected) for _, found, expected in unexpected.faults]
    if faults:
        raise Unexpected(*faults)
    return tuple(dict.fromkeys(value))
