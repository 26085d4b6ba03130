"""Any list of the API as CSV: for `?format=csv`, or `Accept: text/csv`. The next page's cursor is in a header."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Request, Response
from litestar.response.base import ASGIResponse

CSV = "text/csv"
NEXT = "x-next-cursor"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ListResponse(Response[Any]):
    """What the API answers: JSON, or the items of a list as lines where the request asks for them."""

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **kwargs: Any) -> ASGIResponse:
        content = self.content
        if self.status_code == 200 and isinstance(content, dict) and "items" in content and _wants_lines(request):
            headers = {NEXT: content["next"]} if content.get("next") else {}
            lines = Response(sheet(content["items"]), media_type=f"{CSV}; charset=utf-8", headers=headers)
            return lines.to_asgi_response(app, request)
        return super().to_asgi_response(app, request, **kwargs)


def sheet(items: Sequence[Mapping[str, Any]]) -> bytes:
    """One line an item, a column for each key of any; nested keys with dots, lists as JSON.

    >>> sheet([{"a": 1, "b": {"c": None}}, {"a": "=1+1"}]).decode().splitlines()
    ['a,b.c', '1,', "'=1+1,"]
    """
    rows = [dict(_flat(item, "")) for item in items]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _flat(value: Any, where: str) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        return [pair for key, part in value.items() for pair in _flat(part, f"{where}.{key}" if where else str(key))]
    if isinstance(value, (Mapping, list, tuple)):
        return [(where, json.dumps(value, default=str))]
    return [(where, harmless(value))]


def harmless(value: Any) -> Any:
    """Names and values came with traffic: a spreadsheet must not take them for formulas."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _wants_lines(request: Request[Any, Any, Any]) -> bool:
    return request.query_params.get("format") == "csv" or CSV in request.headers.get("accept", "")
