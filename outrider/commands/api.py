"""Calls to a monitor's HTTP interface: the plain install can make them, with the standard library alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from monitor.errors import Fault, InvalidInput, NotFound, Unavailable

LOCAL_MONITOR = "http://127.0.0.1:8090"
"""The monitor that commands speak to where `--monitor` is not given: the default `--listen` of `outrider monitor`."""
TIMEOUT_SECONDS = 300.0
"""A baseline of millions of rows is profiled before it is answered."""
ANSWER_BYTES_MAX = 256 * 1024**2


class MonitorApi:
    """One monitor. Raises Unavailable where it does not answer, InvalidInput and NotFound as it says."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput(Fault("--monitor", repr(url), "a URL that begins with http:// or https://"))
        self.url = url.rstrip("/")

    def get(self, path: str, **query: str | int | None) -> Any:
        asked = urlencode({k.rstrip("_"): v for k, v in query.items() if v is not None})
        return self._call("GET", f"{path}?{asked}" if asked else path, None, None)

    def get_all(self, path: str, **query: str | int | None) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.get(path, limit=10_000, cursor=cursor, **query)
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items

    def put(self, path: str, body: bytes, media_type: str) -> Any:
        return self._call("PUT", path, body, media_type)

    def post(self, path: str, body: bytes, media_type: str) -> Any:
        return self._call("POST", path, body, media_type)

    def delete(self, path: str) -> None:
        self._call("DELETE", path, None, None)

    def _call(self, method: str, path: str, body: bytes | None, media_type: str | None) -> Any:
        headers = {"content-type": media_type} if media_type else {}
        request = urllib.request.Request(f"{self.url}{path}", data=body, method=method, headers=headers)  # noqa: S310  (http or https, checked above)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.loads(answer.read(ANSWER_BYTES_MAX) or b"null")
        except urllib.error.HTTPError as error:
            raise _refusal(error, f"{self.url}{path}") from error
        except (OSError, ValueError) as error:
            raise Unavailable(f"monitor at {self.url}", _why(getattr(error, "reason", error))) from error


def _why(reason: object) -> str:
    """Why a monitor does not answer, and what to do where nobody listens."""
    if isinstance(reason, ConnectionRefusedError):
        return "nobody listens there; start it (`outrider monitor`), or name another with --monitor or OUTRIDER_MONITOR"
    return (reason.strerror if isinstance(reason, OSError) else None) or str(reason)


def path_of(model: str, rest: str = "") -> str:
    return f"/api/v1/models/{quote(model, safe='')}{rest}"


def media_type_of(name: str) -> str:
    """The media type of a table file, by its name."""
    known = {".parquet": "application/vnd.apache.parquet", ".csv": "text/csv", ".json": "application/json"}
    known |= {".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson", ".pq": known[".parquet"]}
    found = next((media for ending, media in known.items() if name.lower().endswith(ending)), None)
    if found is None:
        raise InvalidInput(Fault(name, "a file of another kind", "a name that ends in " + ", ".join(known)))
    return found


def _refusal(error: urllib.error.HTTPError, place: str) -> Exception:
    """The monitor's problem details as our own error."""
    try:
        problem = json.loads(error.read(1_000_000))
        detail = str(problem.get("detail") or problem.get("title"))
        faults = [Fault(str(f["path"]), str(f["found"]), str(f["expected"])) for f in problem.get("errors", [])]
    except (ValueError, KeyError, TypeError, AttributeError):
        faults, detail = [], f"{place} answers {error.code}"
    if error.code == 404:
        name = detail.rpartition("named ")[2].strip("'\"")
        return NotFound("model", name) if "named" in detail else NotFound("path", place)
    if error.code >= 500:
        return Unavailable(place, detail)
    return InvalidInput(faults or Fault(place, detail, "a request that it accepts"))
