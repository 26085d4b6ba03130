"""Batches to the monitor: at least once, acknowledged, with backoff.

A batch is *taken*, *known* (the monitor had it already), *refused* (it will never be taken) or to be sent *again*.
"""

from collectors.shipping.settings import ShippingSettings
from collectors.shipping.shipper import Shipper, ShippingCounts

__all__ = ["Shipper", "ShippingCounts", "ShippingSettings"]
