"""Who stands between a sidecar and its monitor, and does what networks and monitors do."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tests.scripted_http import Answer, Request, scripted_http

Mood = Literal["passing", "dead", "hung", "slow", "mixing"]
SLOW_SECONDS = 0.5
HUNG_SECONDS_MAX = 120.0
LATE_SECONDS_MAX = 0.4
FORWARD_SECONDS_MAX = 60.0
_OWN_HEADERS = ("host", "connection", "content-length")


@dataclass
class Between:
    """Passes requests on to the monitor at `upstream` (host:port) as its mood is."""

    upstream: str
    mood: Mood = "passing"
    url: str = ""
    twice: int = 0
    late: int = 0
    unanswered: int = 0
    held: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    _rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(11))
    _passed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, request: Request) -> Answer | None:
        match self.mood:
            case "dead":
                return None
            case "hung":
                self.held += 1
                self.released.wait(HUNG_SECONDS_MAX)
                return None
            case "slow":
                time.sleep(SLOW_SECONDS)
                return self._forward(request)
            case "mixing":
                return self._mixed(request)
            case "passing":
                return self._forward(request)

    def _mixed(self, request: Request) -> Answer | None:
        """Twice, behind those that came later, or without the answer coming back: any of them."""
        with self._passed:
            twice, late, unanswered = self._rng.random(3) < (0.3, 0.4, 0.2)
            self.twice, self.late, self.unanswered = self.twice + twice, self.late + late, self.unanswered + unanswered
            if late:
                self._passed.wait(LATE_SECONDS_MAX)
        answer = self._forward(request)
        if twice:
            answer = self._forward(request)
        with self._passed:
            self._passed.notify_all()
        return None if unanswered else answer

    def _forward(self, request: Request) -> Answer | None:
        host, _, port = self.upstream.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=FORWARD_SECONDS_MAX)
        headers = {name: value for name, value in request.headers.items() if name not in _OWN_HEADERS}
        try:
            connection.request(request.method, request.path, request.body, headers)
            found = connection.getresponse()
            kept = {
                name: value for name, value in found.getheaders() if name.lower() in ("content-type", "retry-after")
            }
            return Answer(found.status, found.read(), kept)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


@contextmanager
def standing_between(monitor_url: str) -> Iterator[Between]:
    between = Between(monitor_url.removeprefix("http://"))
    with scripted_http(between) as server:
        between.url = server.url
        try:
            yield between
        finally:
            between.released.set()
