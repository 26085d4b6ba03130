"""What else happened when an alert opened: a deployment, or traffic that fell away. Both change the rows, not the world. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.findings import Held, HeldFor, Span, rfc3339

DEPLOYED_NS = 30 * 60 * 10**9
"""Right after a version change caches are cold and the traffic is of those who came first."""
DROP = 0.1
"""Share of the usual rows under which a window is of a remainder of the users, and compares with nothing."""
USUAL_WINDOWS = 10
"""Windows from which on there is a usual."""
DROP_NS_MAX = 12 * 3_600 * 10**9
"""Traffic that stays away for longer is the new traffic, and what it shows is told."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of one model and version."""

    deployed_ns: int | None = None
    """Start of the version's first window, where another version was there before."""
    rows: Sequence[int] = ()
    """Rows of its last windows, the newest last."""
    own: int | None = None
    """Rows of the window in which the alert was seen."""


def held_by(circumstances: Circumstances, version: str | None, window: Span, now_ns: int) -> Held | None:
    """Why a symptom that was seen in this window is held back for now; None where nothing explains it."""
    deployed_ns, rows = circumstances.deployed_ns, circumstances.rows
    if deployed_ns is not None and now_ns < deployed_ns + DEPLOYED_NS:
        name, from_ns = version or "(none)", deployed_ns + DEPLOYED_NS
        told = f"version {name} was deployed at {rfc3339(deployed_ns)}, told from {rfc3339(from_ns)} on"
        return Held(HeldFor.DEPLOYMENT, f"held back: {told}", now_ns)
    own = circumstances.own
    if own is None or len(rows) <= USUAL_WINDOWS or now_ns >= (window.end_ns or 0) + DROP_NS_MAX:
        return None
    usual = float(np.median(rows[:-1]))
    if max(rows[-1], own) >= DROP * usual:
        return None
    told = f"traffic fell to {rows[-1]:,} rows a window, usual are {usual:,.0f}"
    return Held(HeldFor.TRAFFIC, f"held back: {told}", now_ns)
