"""Says that the server behind cannot be reached: whoever named a wrong address sees only clients whose connections end."""

import logging
from collections.abc import Sequence

SPEAK_SECONDS = 60.0
"""How often it is said again while it goes on: a server that restarts for minutes must not fill a log."""
_LOG = logging.getLogger(__name__)


class Refusals:
    """Watches the count of connections that were ended because no server took them."""

    def __init__(self, upstreams: Sequence[str]) -> None:
        self._upstreams = ", ".join(upstreams)
        self._told = 0
        self._quiet_until = 0.0

    def look_after(self, refused: int, now_s: float) -> None:
        """Tell of what was refused since the last time, at once and then once a minute."""
        if refused <= self._told or now_s < self._quiet_until:
            return
        _LOG.warning(
            "upstream_not_reached",
            extra={
                "connections": refused - self._told,
                "upstream": self._upstreams,
                "advice": "is the server running, and is this its address?",
            },
        )
        self._told, self._quiet_until = refused, now_s + SPEAK_SECONDS
