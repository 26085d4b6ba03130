"""What handlers are given by `monitor.main`; not validated at each request, because it is our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from litestar.params import Dependency

from monitor.ports import Catalog, SegmentStore
from monitor.tiles.rows import Rows

TheCatalog = Annotated[Catalog, Dependency(skip_validation=True)]
TheStore = Annotated[SegmentStore, Dependency(skip_validation=True)]
TheClock = Annotated[Callable[[], int], Dependency(skip_validation=True)]
"""Answers now, in Unix nanoseconds."""
TheReport = Annotated[Callable[[Rows, Rows, Any], bytes], Dependency(skip_validation=True)]
