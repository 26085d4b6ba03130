"""Attribution of predictions: no test of its own. Its metric is judged by what a declaration allows, by its interval alone."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.alerts.evidence.trials import Look, Trials


def attribution_tests(look: Look) -> Sequence[Trials]:
    """None: the rank correlation has no law under which chance alone could be told from a change."""
    return ()
