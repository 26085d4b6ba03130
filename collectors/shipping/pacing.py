"""When to try again: decorrelated jitter, and a circuit that opens after failures in a row. Pure but for its dice.

Each pause is drawn between the base and three times the last one, up to a cap, so that sidecars that failed together
do not come back together (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). An open circuit
lets nothing through for at least `open_s`; then it is half open and lets one attempt through, whose success closes it
and whose failure opens it again.
"""

from random import Random
from typing import Literal

from collectors.shipping.settings import ShippingSettings

Circuit = Literal["closed", "half_open", "open"]

GROWTH = 3
"""How much longer than the last one a pause may be."""


class Pacing:
    """The failures in a row and the pause they ask for."""

    def __init__(self, settings: ShippingSettings, dice: Random) -> None:
        self._settings = settings
        self._dice = dice
        self._failures = 0
        self._pause_s = settings.backoff_base_s
        self._is_probing = False

    @property
    def circuit(self) -> Circuit:
        if self._failures < self._settings.failures_to_open:
            return "closed"
        return "half_open" if self._is_probing else "open"

    def attempted(self) -> None:
        """An attempt begins: of an open circuit this is the probe."""
        self._is_probing = True

    def succeeded(self) -> None:
        self._failures = 0
        self._is_probing = False
        self._pause_s = self._settings.backoff_base_s

    def failed(self, retry_after_s: float | None = None) -> float:
        """Seconds to wait before the next attempt: ours, or the server's wish where that is longer."""
        settings = self._settings
        self._failures += 1
        self._is_probing = False
        self._pause_s = min(settings.backoff_cap_s, self._dice.uniform(settings.backoff_base_s, self._pause_s * GROWTH))
        pause_s = max(self._pause_s, settings.open_s) if self.circuit == "open" else self._pause_s
        return max(pause_s, min(retry_after_s or 0.0, settings.retry_after_cap_s))
