"""How the simulator's inner loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))


def regrouped(function: F) -> F:
    """Sums may be added in any order, several at a time: for what is compared with a margin."""
    flags = {"reassoc", "contract", "arcp", "nsz", "nnan"}
    return cast("F", njit(cache=True, nogil=True, error_model="numpy", fastmath=flags)(function))
