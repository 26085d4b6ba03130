"""Every kind of sink that the settings can name, and the courier to it."""

from collections.abc import Callable

from collectors.errors import StartFailed
from collectors.settings.sinks import SinkKind, SinkSetting
from collectors.shipping.courier import Courier
from collectors.shipping.files import FilesCourier
from collectors.shipping.kafka import KafkaCourier
from collectors.shipping.monitor import MonitorCourier
from collectors.shipping.settings import DEFAULT_SETTINGS


def courier_to(sink: SinkSetting) -> Courier:
    """Raises StartFailed."""
    return COURIERS[sink.kind](sink)


def _monitor(sink: SinkSetting) -> Courier:
    try:
        return MonitorCourier(sink.target, DEFAULT_SETTINGS)
    except ValueError as error:
        raise StartFailed(f"sinks.{sink.name}", str(error)) from error


def _kafka(sink: SinkSetting) -> Courier:
    return KafkaCourier(sink.target, sink.topic, dict(sink.options), f"sinks.{sink.name}")


def _files(sink: SinkSetting) -> Courier:
    return FilesCourier(sink.target, dict(sink.options), f"sinks.{sink.name}")


COURIERS: dict[SinkKind, Callable[[SinkSetting], Courier]] = {"monitor": _monitor, "kafka": _kafka, "files": _files}
"""By the kind that the settings name."""
