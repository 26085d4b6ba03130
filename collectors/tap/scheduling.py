"""Who goes first where the forwarder and the capture worker share a processor.

The forwarder works in bursts of some ten microseconds, the worker in stretches of milliseconds; a request that arrives in
such a stretch would wait for its end. Three things keep the wait short, and none of them needs a privilege. The kernel
is told that the forwarder wants to run for a short time and the worker for a long one (`sched_setattr`): since Linux 6.12
who wakes with the shorter of the two runs at once, unless it has had more than its share. That the worker is nicer makes
its share small, so that this is rare. And where it was so, nobody would look again before the next tick of the clock,
which is up to ten milliseconds away: so while the worker is in no hurry it yields after every fifty microseconds of work,
which costs nothing when nobody waits. The worker is a batch process too: its own waking interrupts nobody. The lowest priority of all (SCHED_IDLE)
would do the same, and starve the worker on a busy machine.
"""

import ctypes
import os
import platform
from typing import ClassVar

SLICE_NS = 100_000
"""The forwarder's: the shortest that the kernel takes."""
WORKER_SLICE_NS = 3_000_000
"""The worker's: what matters is that it is the longer one."""
WORKER_NICE = 6
"""A fifth of a core where both want all of it: the forwarder is then rarely over its share when it wakes, and what it forwards
at half of its best is captured still. Much more, and a busy machine would starve the worker."""
RECORDS_PER_YIELD = 16
"""Observed between two yields: some fifty microseconds of work, as much as the exchanges decided between two."""

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
    return _set(os.SCHED_OTHER, os.nice(0), SLICE_NS)


def give_way() -> bool:
    """For the worker: run in long slices, interrupt nobody. Whether the kernel was told."""
    nice = os.nice(WORKER_NICE)
    return _set(os.SCHED_BATCH, nice, WORKER_SLICE_NS)


def _set(policy: int, nice: int, slice_ns: int) -> bool:
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None:
        return False
    attributes = _Attributes(size=ctypes.sizeof(_Attributes), policy=policy, nice=nice, runtime=slice_ns)
    return bool(ctypes.CDLL(None).syscall(number, 0, ctypes.byref(attributes), 0) == 0)
