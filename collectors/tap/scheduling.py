"""Who goes first where the forwarder and the capture worker share a processor.

The forwarder works in bursts of some ten microseconds, the worker in stretches of milliseconds; a request that arrives in
such a stretch would wait for its end. Three things keep the wait short, and none of them needs a privilege. The kernel
is told how long each wants to run at a time (`sched_setattr`, Linux 6.12; older ones take no notice). The worker is a
batch process: its own waking interrupts nobody. And while it is in no hurry it pauses every few records, so that
whoever waits gets the processor at once. A lower priority alone did not help (the kernel looks at it when a stretch
ends), and the lowest (SCHED_IDLE) would starve the worker on a busy machine.
"""

import ctypes
import os
import platform
from typing import ClassVar

SLICE_NS = 100_000
"""The shortest that the kernel takes."""
WORKER_NICE = 5
"""The forwarder goes first where both want the same core; much more, and a busy machine would starve the worker."""
RECORDS_PER_PAUSE = 4
"""About two exchanges, or a tenth of a millisecond of work."""
PAUSE_SECONDS = 30e-6
"""With the kernel's own slack about eighty microseconds: enough for the forwarder's burst."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}


class _Attributes(ctypes.Structure):
    _fields_: ClassVar = [
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    ]


def go_first() -> bool:
    """For the forwarder: run in short slices. Whether the kernel was told."""
    return _set(os.SCHED_OTHER, os.nice(0))


def give_way() -> bool:
    """For the worker: run in short slices, interrupt nobody. Whether the kernel was told."""
    nice = os.nice(WORKER_NICE)
    return _set(os.SCHED_BATCH, nice)


def _set(policy: int, nice: int) -> bool:
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None:
        return False
    attributes = _Attributes(size=ctypes.sizeof(_Attributes), policy=policy, nice=nice, runtime=SLICE_NS)
    return bool(ctypes.CDLL(None).syscall(number, 0, ctypes.byref(attributes), 0) == 0)
