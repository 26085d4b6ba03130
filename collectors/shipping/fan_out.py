"""One spool, several sinks: each has its queue, its thread, its circuit, and waits for no other."""

import time
from collections.abc import Mapping

from collectors.shipping.courier import Courier
from collectors.shipping.settings import DEFAULT_SETTINGS, ShippingSettings
from collectors.shipping.shipper import Shipper
from collectors.spool import Spool


class FanOut:
    """The shippers of a spool. Raises ValueError for names that are none, SpoolUnusable."""

    def __init__(
        self, spool: Spool, couriers: Mapping[str, Courier], settings: ShippingSettings = DEFAULT_SETTINGS
    ) -> None:
        queues = spool.attach(list(couriers))
        self.shippers = tuple(Shipper(queue, couriers[queue.name], settings) for queue in queues)

    def start(self) -> None:
        for shipper in self.shippers:
            shipper.start()

    def stop(self, timeout_s: float) -> bool:
        """End all within the time. Returns whether all have ended."""
        deadline = time.monotonic() + timeout_s
        for shipper in self.shippers:
            shipper.tell_to_stop()
        left = len(self.shippers)
        ended = []
        for shipper in self.shippers:  # each has its share of what is left, so that one that hangs costs no other's
            ended.append(shipper.stop(max(0.0, (deadline - time.monotonic()) / left)))
            left -= 1
        return all(ended)
