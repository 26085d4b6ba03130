"""Halves that come apart: paired once, within bounds."""

import random

from collectors.intake.halves import Halves, Pair


def test_halves_pair_in_any_order() -> None:
    """The pair has them by their side."""
    for first, second in (("request", "response"), ("response", "request")):
        halves: Halves[str] = Halves()
        assert halves.add("k", first, first, size=1, now_ns=0) == []  # type: ignore[arg-type]
        assert halves.add("k", second, second, size=1, now_ns=1) == [Pair("request", "response")]  # type: ignore[arg-type]
        assert len(halves) == 0


def test_a_half_that_comes_again_is_a_duplicate() -> None:
    """While it waits, and after its pair."""
    halves: Halves[int] = Halves()
    halves.add("k", "request", 1, size=1, now_ns=0)
    assert halves.add("k", "request", 2, size=1, now_ns=0) == []
    assert halves.add("k", "response", 3, size=1, now_ns=0) == [Pair(1, 3)]
    assert halves.add("k", "response", 4, size=1, now_ns=0) == []
    assert halves.add("k", "request", 5, size=1, now_ns=0) == []
    assert (halves.duplicates, len(halves)) == (3, 0)


def test_a_half_that_waited_too_long_is_told_alone() -> None:
    """Once; its late other half is a duplicate."""
    halves: Halves[int] = Halves(wait_ns=10)
    halves.add("a", "request", 1, size=1, now_ns=0)
    halves.add("b", "response", 2, size=1, now_ns=5)
    assert halves.expire(9) == []
    assert halves.expire(10) == [Pair(1, None, "expired")]
    assert halves.expire(15) == [Pair(None, 2, "expired")]
    assert halves.add("a", "response", 3, size=1, now_ns=16) == []


def test_the_oldest_makes_room() -> None:
    """In bytes and in number."""
    halves: Halves[int] = Halves(waiting_bytes_max=10)
    halves.add("a", "request", 1, size=6, now_ns=0)
    assert halves.add("b", "request", 2, size=6, now_ns=0) == [Pair(1, None, "no_room")]
    few: Halves[int] = Halves(waiting_max=1)
    few.add("a", "request", 1, size=1, now_ns=0)
    assert few.add("b", "request", 2, size=1, now_ns=0) == [Pair(1, None, "no_room")]


def test_every_half_has_one_end_in_any_order() -> None:
    """Paired, alone, duplicate or waiting, and never twice."""
    rng = random.Random(8)
    for _ in range(200):
        halves: Halves[tuple[int, str]] = Halves(wait_ns=20, waiting_max=5)
        pairs: list[Pair[tuple[int, str]]] = []
        added = 0
        for now in range(60):
            key, side = rng.randrange(12), rng.choice(("request", "response"))
            pairs += halves.add(key, side, (key, side), size=1, now_ns=now)  # type: ignore[arg-type]
            pairs += halves.expire(now)
            added += 1
        ends = [half for pair in pairs for half in (pair.request, pair.response) if half is not None]
        assert len(ends) == len(set(ends))
        assert len(ends) + halves.duplicates + len(halves) == added
        assert len(halves) <= 5
