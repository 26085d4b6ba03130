"""The routes of the web UI, for `monitor.main` to mount."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.types import ControllerRouterHandler


def routes() -> Sequence[ControllerRouterHandler]:
    """Every page and static file."""
    return ()
