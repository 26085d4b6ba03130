"""What handlers are given by `monitor.main`; not validated at each request, because it is our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from monitor.findings import Measurement
from monitor.ports import Catalog, SegmentStore
from monitor.tiles.rows import Rows

TheCatalog = NamedDependency[SkipValidation[Catalog]]
TheStore = NamedDependency[SkipValidation[SegmentStore]]
TheClock = NamedDependency[SkipValidation[Callable[[], int]]]
"""Answers now, in Unix nanoseconds."""
TheCode = NamedDependency[SkipValidation[str | None]]
"""Version and build of the code that runs."""
TheUrl = NamedDependency[SkipValidation[str]]
"""Where people and commands find this monitor."""
TheOpinion = NamedDependency[SkipValidation[Callable[[Rows, Rows, Any, Sequence[str], int], list[Measurement]]]]
TheReport = NamedDependency[SkipValidation[Callable[[Rows, Rows, Any, tuple[int, int]], bytes]]]
TheRowsWriter = NamedDependency[SkipValidation[Callable[[Rows, str | None], bytes]]]
"""Rows as a Parquet file, with their ids in a column of that name."""
