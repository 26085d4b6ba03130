"""What is the local directory's own: layout, damage, formats of other versions."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from monitor.errors import Unavailable
from monitor.ports import Segment
from monitor.segments.local_store import LocalSegmentStore
from monitor.tiles.rows import Column, Rows


@pytest.fixture
def store(tmp_path: Path) -> LocalSegmentStore:
    return LocalSegmentStore(tmp_path)


def one_row(time_ns: int = 1_704_067_200 * 10**9) -> Rows:
    return Rows(
        np.array([time_ns]),
        np.array(["a"], object),
        np.zeros(1, np.int32),
        np.ones(1, np.int32),
        {"x": Column(np.ones(1))},
    )


def written(store: LocalSegmentStore) -> Segment:
    return store.write_rows("income", "v/1", one_row(), 5)


def test_the_layout_is_that_of_the_page(store: LocalSegmentStore, tmp_path: Path) -> None:
    """Kind, model, version, day; the index beside the segment and nothing else."""
    segment = written(store)
    folder, name = segment.path.rsplit("/", 1)
    assert folder == "predictions/income/~v%2F1/2024-01-01"
    assert sorted(p.name for p in (tmp_path / folder).iterdir()) == [name.replace(".parquet", ".ids"), name]


@pytest.mark.parametrize(("n", "compression"), [(1_000, "UNCOMPRESSED"), (1_001, "ZSTD")])
def test_a_segment_of_many_rows_is_compressed(
    store: LocalSegmentStore, tmp_path: Path, n: int, compression: str
) -> None:
    """Small ones are read often and joined soon; both say the version of their format."""
    rows = one_row().take(np.zeros(n, np.int64))
    metadata = pq.read_metadata(tmp_path / store.write_rows("income", "1", rows, 5).path)
    assert {metadata.row_group(0).column(i).compression for i in range(metadata.num_columns)} == {compression}
    assert metadata.metadata[b"outrider.format"] == b"1"


def test_a_newer_format_is_refused(store: LocalSegmentStore, tmp_path: Path) -> None:
    """A reader does not guess."""
    segment = written(store)
    path = tmp_path / segment.path
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"outrider.format": b"2"}), path)
    with pytest.raises(Unavailable, match="has format 2, this version reads 1"):
        store.read_rows([segment])
    pq.write_table(table.replace_schema_metadata({}), path)
    with pytest.raises(Unavailable, match="has no format"):
        store.read_rows([segment])


@pytest.mark.parametrize("kept", [0, 3, 100, -10])
def test_a_damaged_segment_is_named(store: LocalSegmentStore, tmp_path: Path, kept: int) -> None:
    """A file that was cut says so and which it is."""
    segment = written(store)
    path = tmp_path / segment.path
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Unavailable, match=path.name):
        store.read_rows([segment])


def test_a_damaged_index_is_named(store: LocalSegmentStore, tmp_path: Path) -> None:
    """An index of no bytes, and one of another kind."""
    segment = written(store)
    for data in (b"", b"x" * 40):
        (tmp_path / segment.path).with_suffix(".ids").write_bytes(data)
        with pytest.raises(Unavailable, match="id index"):
            store.locate([segment], ["a"])


def test_a_store_goes_to_another_process(store: LocalSegmentStore) -> None:
    """Jobs run in a pool."""
    segment = written(store)
    again: LocalSegmentStore = pickle.loads(pickle.dumps(store))
    assert len(again.read_rows([segment])) == 1
