"""Batches from the spool to the sinks: at least once, acknowledged, with backoff.

A *sink* is a monitor, a Kafka topic or files; each has a *queue* in the spool, a *courier* that knows how it is spoken
to, and a *shipper*, the thread that goes on until the sink has answered. A batch is *taken*, *known* (the sink had it
already), *refused* (it will never be taken) or to be sent *again*.
"""

from collectors.shipping.courier import Courier, Outcome, Parcel
from collectors.shipping.monitor import MonitorCourier
from collectors.shipping.settings import ShippingSettings
from collectors.shipping.shipper import Shipper, ShippingCounts

__all__ = ["Courier", "MonitorCourier", "Outcome", "Parcel", "Shipper", "ShippingCounts", "ShippingSettings"]
