"""What every list of the API shares: times, limits, cursors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any, TypeVar

from monitor.errors import Fault, InvalidInput

LIMIT_DEFAULT = 1_000
LIMIT_MAX = 10_000
OFFSET_MAX = 10_000_000
"""Items that paging may skip: beyond it, narrow `from` and `to`."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    limit: int
    offset: int

    @classmethod
    def of(cls, limit: int | None, cursor: str | None, *, most: int = LIMIT_MAX, default: int = LIMIT_DEFAULT) -> Page:
        """`most` is what a page of this list holds, however many were asked for."""
        limit = default if limit is None else limit
        if not 1 <= limit <= LIMIT_MAX:
            raise InvalidInput(Fault("limit", str(limit), f"a whole number from 1 to {LIMIT_MAX}"))
        return cls(min(limit, most), _offset(cursor))

    def at_most(self, items: int) -> Page:
        """This page of a list that gives no more at once, however many were asked for."""
        return Page(min(self.limit, items), self.offset)

    @property
    def reach(self) -> int:
        """So many items of a list, from its first, say what is on this page and whether another one follows."""
        return self.offset + self.limit + 1

    def cut(self, found: Sequence[T]) -> Sequence[T]:
        """This page of a list that is there up to `reach`."""
        return found[self.offset : self.offset + self.limit]

    def is_followed(self, found: Sized) -> bool:
        return len(found) >= self.reach

    def answer(self, items: Sequence[dict[str, Any]], *, more: bool) -> dict[str, Any]:
        """The next page begins behind all that this one looked at, whether or not it shows all of it."""
        cursor = base64.urlsafe_b64encode(str(self.offset + self.limit).encode()).decode() if more else None
        return {"items": list(items), "next": cursor}

    def of_all(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """This page of a list that is held whole."""
        return self.answer(self.cut(items), more=self.is_followed(items))


def _offset(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        offset = int(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError, UnicodeError) as error:
        raise InvalidInput(Fault("cursor", repr(cursor[:40]), "the `next` of an earlier answer")) from error
    if not 0 <= offset <= OFFSET_MAX:
        raise InvalidInput(Fault("cursor", repr(cursor[:40]), "the `next` of an earlier answer"))
    return offset
