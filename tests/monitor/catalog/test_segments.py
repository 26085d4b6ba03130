"""How segments are found in SQLite, which keeps no statistics to choose an index by."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from monitor.catalog import open_catalog
from monitor.catalog.segments import _live

BOUNDS = {"version": "1", "start_ns": 1, "end_ns": 9}


@pytest.mark.parametrize("given", [frozenset(names) for n in range(4) for names in combinations(sorted(BOUNDS), n)])
def test_a_models_segments_are_found_without_reading_all_others(tmp_path: Path, given: frozenset[str]) -> None:
    """A window asks ten times; by the state's index each asked for every segment of every model."""

    def plan(connection: Connection) -> str:
        values = {"kind": "predictions", "model": "m", "after_id": 0, **{name: BOUNDS[name] for name in given}}
        asked = _live(given).params(values).compile(connection, compile_kwargs={"literal_binds": True})
        return " ".join(row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {asked}")))

    catalog = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    assert "INDEX ix_segments_kind_model_start_ns (kind=? AND model=?" in catalog.read(plan)
    catalog.close()
