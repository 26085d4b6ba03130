"""What many requests ask alike, read once before their handler: a part of time, and a page of a list."""

from __future__ import annotations

from typing import Annotated

from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, QueryParameter, SkipValidation

from monitor.findings import Span, span_of, time_ns
from monitor.query.paging import Page

From = Annotated[
    str | None, QueryParameter(name="from", required=False, description="Window start, inclusive, RFC 3339.")
]
To = Annotated[str | None, QueryParameter(name="to", required=False, description="Window start, exclusive, RFC 3339.")]

Between = NamedDependency[SkipValidation[Span]]
"""`from` and `to`, of which either may be open (None)."""
TheSpan = NamedDependency[SkipValidation[Span]]
"""`from` and `to` where both must be said."""
ThePage = NamedDependency[SkipValidation[Page]]
"""`limit` and `cursor`."""


def asked() -> dict[str, Provide]:
    """What gives handlers `between`, `span` and `page`, each of which raises InvalidInput for what cannot be read."""
    return {
        "between": Provide(_between, sync_to_thread=False),
        "span": Provide(_span, sync_to_thread=False),
        "page": Provide(_page, sync_to_thread=False),
    }


def _between(start: From = None, end: To = None) -> Span:
    return Span(time_ns(start, "from"), time_ns(end, "to"))


def _span(start: From = None, end: To = None) -> Span:
    return span_of(start, end)


def _page(limit: FromQuery[int | None] = None, cursor: FromQuery[str | None] = None) -> Page:
    return Page.of(limit, cursor)
