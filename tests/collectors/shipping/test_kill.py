"""A sidecar that is killed at any moment, again and again, and a monitor that takes each batch once."""

import subprocess
import sys
from pathlib import Path
from random import Random

from collectors.shipping import MonitorCourier, ShippingSettings
from collectors.shipping.fan_out import FanOut
from collectors.spool import Spool
from tests.collectors.shipping.scripted import scripted_monitor
from tests.collectors.shipping.test_shipper import eventually

SIDECAR = """
import sys
from pathlib import Path
from collectors.records.types import Gap
from collectors.shipping import MonitorCourier, ShippingSettings
from collectors.shipping.fan_out import FanOut
from collectors.spool import Spool

spool = Spool.open(Path(sys.argv[1]), free_space_floor_bytes=0, journal_bytes=2_000)
settings = ShippingSettings(poll_s=0.001)
FanOut(spool, {"monitor": MonitorCourier(sys.argv[2], settings)}, settings).start()
n = int(sys.argv[3])
while True:
    spool.append([Gap(start_ns=n, end_ns=n, reason="x")])
    sys.stdout.buffer.write(b"%d\\n" % n)
    sys.stdout.buffer.flush()
    if n % 10 == 0:
        spool.sync()
    n += 1
"""
LIVES = 10


def test_killed_sidecars_deliver_everything_once_in_effect(tmp_path: Path) -> None:
    """Every record that was appended before a SIGKILL is taken by the monitor exactly once."""
    dice, told = Random(11), 0
    with scripted_monitor() as monitor:
        for _ in range(LIVES):
            command = [sys.executable, "-c", SIDECAR, str(tmp_path / "spool"), monitor.url, str(told)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as sidecar:
                assert sidecar.stdout is not None
                lines = [sidecar.stdout.readline() for _ in range(dice.randrange(1, 150))]
                sidecar.kill()
                lines += sidecar.stdout.readlines()
            told = max(told, *(int(line) + 1 for line in lines if line.endswith(b"\n")))
        with Spool.open(tmp_path / "spool", free_space_floor_bytes=0) as spool:
            settings = ShippingSettings(poll_s=0.001)
            shipper = FanOut(spool, {"monitor": MonitorCourier(monitor.url, settings)}, settings)
            shipper.start()
            eventually(lambda: spool.pending_records == 0)
            assert shipper.stop(5)
        numbers = [n for records in monitor.taken.values() for n in records]
    assert set(range(told)) <= set(numbers)
    assert len(numbers) - told <= LIVES, "only a number whose append was not told of is appended again by the next life"
