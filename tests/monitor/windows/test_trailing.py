"""Trailing merges: the pyramid gives the merges of the last windows, at the looks where they are due."""

from monitor.alerts.budget import SCALES, evaluated_every
from monitor.windows.trailing import Pyramid, extend


def test_every_scale_is_the_merge_of_the_last_windows_when_it_is_due() -> None:
    """Against the plain definition, over 300 windows: the same scales are due, with the same windows in them."""
    pyramid: Pyramid[tuple[int, ...]] = Pyramid()
    for index in range(300):
        pyramid, due = extend(pyramid, (index,), lambda parts: tuple(x for part in parts for x in part))
        looks = index + 1
        assert sorted(due) == [scale for scale in SCALES if looks >= scale and looks % evaluated_every(scale) == 0]
        for scale, windows in due.items():
            assert windows == tuple(range(index - scale + 1, index + 1))


def test_after_a_restart_no_merge_reaches_back() -> None:
    """A pyramid begun anew at look 13 holds nothing from before it."""
    pyramid: Pyramid[tuple[int, ...]] = Pyramid(13)
    for index in range(13, 200):
        pyramid, due = extend(pyramid, (index,), lambda parts: tuple(x for part in parts for x in part))
        assert all(min(windows) >= 13 and len(windows) == scale for scale, windows in due.items())
