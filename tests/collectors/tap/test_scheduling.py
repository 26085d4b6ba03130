"""Forwarder and worker say to the kernel who goes first; a kernel that does not listen changes nothing else."""

import os
import subprocess
import sys

import pytest

from collectors.tap import scheduling

TELLS = """
import os, sys
from collectors.tap import scheduling
getattr(scheduling, sys.argv[1])()
print(os.sched_getscheduler(0), os.nice(0))
"""


@pytest.mark.parametrize(("call", "policy", "nicer"), [("go_first", 0, 0), ("give_way", 3, 6)])
def test_the_kernel_is_told(call, policy, nicer):
    """By the process itself, without any privilege: an ordinary one goes first, a batch process gives way."""
    done = subprocess.run([sys.executable, "-c", TELLS, call], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(policy), str(min(os.nice(0) + nicer, 19))]


def test_the_worker_asks_for_the_longer_slice():
    """The kernel lets whoever wakes with the shorter one run at once, and only then."""
    assert scheduling.WORKER_SLICE_NS > scheduling.SLICE_NS


def test_an_unknown_machine_is_left_alone(monkeypatch):
    """Numbers of system calls differ between machines; none is guessed."""
    monkeypatch.setattr(scheduling.platform, "machine", lambda: "riscv64")
    assert scheduling.go_first() is False
