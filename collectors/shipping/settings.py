"""How batches are shipped. Every default has its reason beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ShippingSettings:
    """Times are in seconds."""

    connect_timeout_s: float = 5.0
    """A monitor on the same network answers a connection in milliseconds; longer means it is not there."""

    request_timeout_s: float = 30.0
    """From the first byte sent to the last byte of the answer: a batch of the largest size over a slow line."""

    backoff_base_s: float = 0.2
    """Shortest pause after a failure: a restart of the monitor's process is over in a few of them."""

    backoff_cap_s: float = 30.0
    """Longest pause: a monitor that is back gets records within half a minute."""

    retry_after_cap_s: float = 300.0
    """Longest pause that a Retry-After may ask for: a wrong header must not stop shipping for a day."""

    failures_to_open: int = 5
    """Failures in a row after which the circuit opens: fewer would open it at every restart of the monitor."""

    open_s: float = 5.0
    """Shortest pause while the circuit is open: an unwell monitor gets one probe at a time, not a stream of retries."""

    poll_s: float = 0.1
    """How often an empty spool is looked at; adds at most this to the way of a record."""

    requests_in_flight: int = 4
    """To one monitor, each on a connection of its own: a backlog is brought in without waiting for each answer, and a
    monitor that commits what comes together does so once for all of them."""

    read_bytes: int = 4 * 1024 * 1024
    """Batches held in memory at once, unless one alone is larger."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"{name}: found {value}, expected a positive number")


DEFAULT_SETTINGS = ShippingSettings()
