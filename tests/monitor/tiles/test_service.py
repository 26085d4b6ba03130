"""The tile of the service: its counts, its quantiles beside NumPy's, its laws, and exchanges that were sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from monitor.tiles.encoding import decode_tileset, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.rows import Rows
from monitor.tiles.service import STEPS_AN_OCTAVE, ServiceTile, service_tile
from monitor.tiles.tileset import TileSet


def exchanges(
    durations: npt.ArrayLike, *, inclusion: float = 1.0, each: int = 1, name: str = "e", timed: bool = True
) -> Rows:
    """One exchange a duration (in seconds), each with some rows."""
    taken = np.repeat((np.asarray(durations, np.float64) * 1e9).astype(np.int64), each)
    n = len(taken)
    ids = np.array([f"{name}{i // each}" for i in range(n)], object)
    row = (np.arange(n) % each).astype(np.int32)
    return Rows(
        np.arange(n, dtype=np.int64),
        ids,
        row,
        np.full(n, each, np.int32),
        inclusion=np.full(n, inclusion),
        duration_ns=taken if timed else None,
    )


def test_exchanges_are_counted_not_rows() -> None:
    """A request of three rows is one; the refused have no latency."""
    tile = service_tile(exchanges([0.01] * 7, each=3), exchanges([5.0] * 2, name="f"))
    assert tile is not None
    assert (tile.answered, tile.failed, tile.timed, tile.exchanges) == (7, 2, 7, 9)


def test_rows_of_a_file_know_nothing_of_the_service() -> None:
    """Nobody timed them, and nothing was refused."""
    assert service_tile(exchanges([0.01], timed=False), None) is None
    assert service_tile(exchanges([0.01], timed=False), exchanges([])) is None


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_quantiles_are_those_of_numpy_within_a_cell(share: float) -> None:
    """Log-normal latencies, ten draws."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        durations = np.exp(rng.normal(-4, 1, 2_000))
        tile = service_tile(exchanges(durations), None)
        assert tile is not None
        found = tile.quantile(share)
        assert found is not None
        assert abs(np.log2(found / np.quantile(durations, share))) < 1.5 / STEPS_AN_OCTAVE


def test_logs_are_summed_exactly() -> None:
    """The geometric mean needs no cells."""
    durations = np.exp(np.random.default_rng(2).normal(-3, 0.5, 500))
    tile = service_tile(exchanges(durations), None)
    assert tile is not None
    assert tile.log_sum / tile.timed == pytest.approx(float(np.log(durations).mean()), abs=1e-6)


def test_merging_is_counting_together() -> None:
    """Any cut; nothing is neutral; bytes come back, a rival's too."""
    rng = np.random.default_rng(3)
    rows = exchanges(np.exp(rng.normal(-4, 1, 300)))
    refused = exchanges([0.1] * 9, name="f")
    whole = service_tile(rows, refused)
    parts = [service_tile(rows.take(slice(0, 100)), None), service_tile(rows.take(slice(100, 300)), refused)]
    assert whole is not None and parts[0] is not None and parts[1] is not None
    merged = parts[0].merge(parts[1])
    assert (merged.answered, merged.failed) == (whole.answered, whole.failed)
    assert merged.latencies.tolist() == whole.latencies.tolist()
    assert merged.log_sum == pytest.approx(whole.log_sum)
    assert merged.merge(ServiceTile.empty()).latencies.tolist() == merged.latencies.tolist()
    tiles = TileSet(300, service=whole, rival=TileSet(5, service=parts[0]))
    again = decode_tileset(encode_tileset(merge([tiles, tiles])))
    assert again.service is not None and again.rival is not None and again.rival.service is not None
    assert (again.service.answered, again.rival.rows, again.rival.service.answered) == (600, 10, 200)
    assert encode_tileset(again) == encode_tileset(merge([tiles, tiles]))


def test_a_rival_of_a_rival_is_refused() -> None:
    """So the nesting has an end."""
    with pytest.raises(ValueError, match="no slice of a slice"):
        decode_tileset(encode_tileset(TileSet(1, rival=TileSet(1, rival=TileSet(1)))))


def test_sampled_exchanges_are_evened_with_the_refused() -> None:
    """A tenth of the answered was kept and every refused one: the share is the true one. 2,000 answered of 20,000 and
    400 refused of 400 are about 2,000 and 40 (six standard errors of 6.3: under one of a billion runs is outside)."""
    tile = service_tile(exchanges([0.01] * 2_000, inclusion=0.1), exchanges([0.1] * 400, name="f"))
    assert tile is not None
    assert tile.answered == 2_000
    assert abs(tile.failed - 40) < 38


def test_the_slowest_and_the_quickest_have_a_cell() -> None:
    """Hours, and none at all."""
    tile = service_tile(exchanges([0.0, 1e-9, 1e5]), None)
    assert tile is not None
    assert tile.timed == 3
    assert replace(tile, failed=1).exchanges == 4
