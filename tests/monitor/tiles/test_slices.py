"""Rows of a slice, and the tiles of slices."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.definitions import Slice
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.slices import members
from tests.monitor.tiles.samples import BINARY, mixed, rows

TABLE = rows(
    {
        "age": [20, 30, None, 40],
        "sex": ["1", None, "2", "2"],
        "code": [1.0, 2.0, float("nan"), 3.5],
        "flag": [True, False, True, None],
    }
)
SLICED = replace(BINARY, slices=(Slice("men", "sex = 'M'"), Slice("rich", "amount > 2 and not rooms in [1, 2]")))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("age < 35", "1100"),
        ("age >= 30", "0101"),
        ("sex = 2", "0011"),
        ("sex != 2", "1000"),
        ("not sex = 2", "1100"),
        ("sex not in [2]", "1000"),
        ("sex in [1, '2.0']", "1011"),
        ("age is missing or code is missing", "0010"),
        ("code <= 2 and age is not missing", "1100"),
        ("flag = true", "1010"),
        ("code = 3.5", "0001"),
    ],
)
def test_the_rows_of_a_slice(where: str, expected: str) -> None:
    """A comparison with what is missing is false; 2, 2.0 and "2" are one category."""
    found = members(TABLE, where)
    assert found is not None
    assert "".join(str(int(inside)) for inside in found) == expected


def test_a_column_that_is_not_there() -> None:
    """There is no answer, which is not the same as no rows."""
    assert members(TABLE, "height > 3") is None


def test_a_slice_has_the_tiles_of_its_rows() -> None:
    """On the grids of the whole baseline."""
    baseline = build_baseline(mixed(np.random.default_rng(1), 900), SLICED, time_ordered=False)
    window = mixed(np.random.default_rng(2), 400)
    tiles = profile(window, baseline.grids, SLICED)
    mask = window.columns["sex"].values == "M"
    alone = profile(window.take(mask), baseline.grids.of_slices(), SLICED)
    assert encode_tileset(tiles.slices["men"]) == encode_tileset(alone)
    assert 0 < tiles.slices["rich"].rows < 400
    assert (
        baseline.tiles.slices["men"].rows == (mixed(np.random.default_rng(1), 900).columns["sex"].values == "M").sum()
    )


def test_slices_merge_and_survive_their_bytes() -> None:
    """Merged windows have the slices of all their rows; bytes round-trip."""
    baseline = build_baseline(mixed(np.random.default_rng(1), 900), SLICED, time_ordered=False)
    one, two = (mixed(np.random.default_rng(seed), 300, start=1000 * seed) for seed in (2, 3))
    parts = [profile(part, baseline.grids, SLICED) for part in (one, two)]
    together = merge(parts)
    assert together.slices["men"].rows == sum(p.slices["men"].rows for p in parts)
    data = encode_tileset(together)
    assert encode_tileset(decode_tileset(data)) == data
    assert decode_baseline(encode_baseline(baseline)).grids.slices == dict(baseline.grids.slices)


def test_a_slice_of_a_slice_is_refused() -> None:
    """Foreign bytes cannot nest without end."""
    baseline = build_baseline(mixed(np.random.default_rng(1), 300), SLICED, time_ordered=False)
    nested = replace(baseline.tiles, slices={"men": baseline.tiles})
    with pytest.raises(ValueError, match="no slice of a slice"):
        decode_tileset(encode_tileset(nested))


def test_slices_are_part_of_a_baselines_identity() -> None:
    """Another predicate under the same name is another baseline."""
    sample = mixed(np.random.default_rng(1), 300)
    plain, sliced = (build_baseline(sample, model, time_ordered=False).id for model in (BINARY, SLICED))
    other = build_baseline(sample, replace(SLICED, slices=(Slice("men", "sex = 'F'"),)), time_ordered=False).id
    assert len({plain, sliced, other}) == 3
