"""How inner loops are compiled: at their first call, with the machine code kept on disk beside the module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """`function` as machine code that lets other threads run meanwhile."""
    return cast("F", njit(cache=True, nogil=True)(function))
