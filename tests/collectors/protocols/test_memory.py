"""What is held in flight is bounded, and given back."""

from collectors.protocols.memory import Budget, Kept


def test_a_body_beyond_its_limit_is_let_go() -> None:
    """Its bytes are gone, and the reason is known."""
    budget = Budget(100)
    kept = Kept(budget, 10)
    kept.append(b"12345678")
    kept.append(b"9ab")
    assert (kept.refused, bytes(kept.bytes), budget.held) == ("body_too_large", b"", 0)
    kept.append(b"more")
    assert budget.held == 0


def test_all_bodies_share_one_budget() -> None:
    """The one that finds no room is let go; the others stay."""
    budget = Budget(10)
    first, second = Kept(budget, 100), Kept(budget, 100)
    first.append(b"123456")
    second.append(b"123456")
    assert (first.refused, second.refused, budget.held) == (None, "memory_full", 6)
    assert first.take() == b"123456"
    assert budget.held == 0


def test_nobody_wants_it_nobody_holds_it() -> None:
    """Bodies of other paths are not kept at all."""
    kept = Kept(Budget(0), 100, wanted=False)
    kept.append(b"123")
    assert (bytes(kept.bytes), kept.refused) == (b"", None)
