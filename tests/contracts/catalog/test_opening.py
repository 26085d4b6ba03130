"""Opening a catalog, again, and with foreign text in it."""

from __future__ import annotations

from collections.abc import Callable

from monitor.ports import Catalog
from tests.contracts.catalog.entries import declared, segment


def test_foreign_text_is_stored_and_found(catalog: Catalog) -> None:
    """A version with a NUL, a lone surrogate or a quote is stored in a form that a query finds again."""
    for i, version in enumerate(("v\0", "v\ud800", "v'; DROP TABLE windows; --", "größe")):
        catalog.put_segments([segment(f"p{i}", version=version)])
        assert len(catalog.segments("predictions", "income", version)) == 1


def test_a_catalog_says_whether_it_is_ready(catalog: Catalog) -> None:
    """An open catalog answers."""
    assert catalog.ready()


def test_everything_survives_a_restart(catalog: Catalog, reopen: Callable[[], Catalog]) -> None:
    """A second opening finds the tables up to date and the rows in place."""
    catalog.put_model(declared(), 1, declared=True)
    catalog.close()
    assert [m.name for m in reopen().models()] == ["income"]
