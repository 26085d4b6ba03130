"""The section `cost`: what energy and devices cost, so that a prediction has a price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.definitions.reading import Reader

PRICE_MAX = 1e6


@dataclass(frozen=True, slots=True)
class Cost:
    """Prices in `currency`: of a kilowatt-hour, and of an hour of one device. What is None costs nothing that is known."""

    per_kwh: float | None = None
    per_gpu_hour: float | None = None
    currency: str | None = None

    def of(self, joules: float, device_seconds: float) -> float:
        """What so much energy and device time cost together."""
        return joules / 3.6e6 * (self.per_kwh or 0.0) + device_seconds / 3600 * (self.per_gpu_hour or 0.0)


def read_cost(reader: Reader, value: object, where: str) -> Cost:
    found = reader.mapping(value, where, ("per_kwh", "per_gpu_hour", "currency"))
    prices = {
        key: reader.number(found[key], f"{where}.{key}", 0.0, PRICE_MAX)
        for key in ("per_kwh", "per_gpu_hour")
        if found.get(key) is not None
    }
    if not prices:
        reader.fault(where, "no price", "per_kwh, per_gpu_hour, or both")
    currency = found.get("currency")
    return Cost(**prices, currency=None if currency is None else reader.text(currency, f"{where}.currency"))


def write_cost(section: Cost) -> Mapping[str, Any]:
    prices = {"per_kwh": section.per_kwh, "per_gpu_hour": section.per_gpu_hour, "currency": section.currency}
    return {key: value for key, value in prices.items() if value is not None}
