"""As much of an Elasticsearch as the exporter speaks to, in memory; a script may make it refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.scripted_http import Answer, Request, Scripted, scripted_http

HEADERS = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}


@dataclass
class FakeElasticsearch:
    """Backing indices per stream, oldest first; `trouble` may answer a bulk request before it is looked at."""

    has: frozenset[str] = frozenset({"ilm", "lifecycle", "constant_keyword", "match_only_text"})
    streams: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    put: dict[str, Any] = field(default_factory=dict)
    trouble: list[Answer | None] = field(default_factory=list)
    lose_answers: int = 0
    """How many bulk requests take effect without an answer."""
    refuse: Callable[[dict[str, Any]], tuple[int, str] | None] = lambda body: None
    winner: str = "outrider"
    server: Scripted | None = None

    def documents(self, stream: str) -> list[dict[str, Any]]:
        return [body for index in self.streams.get(stream, []) for body in index.values()]

    def roll_over(self) -> None:
        for indices in self.streams.values():
            indices.append({})

    def answer(self, request: Request) -> Answer | None:
        path, method = unquote(request.path.partition("?")[0]), request.method
        if path == "/_bulk":
            return self._bulk(request.body)
        if path == "/_index_template/_simulate":
            return self._simulate(json.loads(request.body))
        if path.startswith("/_index_template/_simulate_index/"):
            return _json({"template": {"mappings": {"_meta": {"managed_by": self.winner}}}})
        if path == "/_ilm/status":
            return _json({"operation_mode": "RUNNING"}) if "ilm" in self.has else _json({}, 405)
        if method == "GET" and path.startswith("/_component_template/"):
            return _json({"component_templates": []}, 200 if path in self.put else 404)
        if method == "PUT":
            self.put[path] = json.loads(request.body)
            return _json({"acknowledged": True})
        if path.endswith("/_refresh"):
            return _json({})
        if path.endswith("/_search"):
            return self._search(path.split("/")[1], json.loads(request.body))
        return _json({"error": {"type": "unknown", "reason": path}}, 400)

    def _simulate(self, template: dict[str, Any]) -> Answer:
        template = template["template"]
        needs = {field["type"] for field in template.get("mappings", {}).get("properties", {}).values()}
        needs |= {"ilm" for name in template.get("settings", {}) if name == "index.lifecycle.name"}
        needs |= {"lifecycle"} if "lifecycle" in template else set()
        return _json({}, 200 if needs <= self.has else 400)

    def _search(self, stream: str, query: dict[str, Any]) -> Answer:
        there = {identity for index in self.streams.get(stream, []) for identity in index}
        hits = [{"_id": i} for i in query["query"]["ids"]["values"] if i in there]
        return _json({"hits": {"hits": hits}})

    def _bulk(self, body: bytes) -> Answer | None:
        if self.trouble:
            return self.trouble.pop(0)
        lines = [json.loads(line) for line in body.splitlines()]
        items = [self._create(a["create"], b) for a, b in zip(lines[::2], lines[1::2], strict=True)]
        if self.lose_answers:
            self.lose_answers -= 1
            return None
        return _json({"items": [{"create": item} for item in items]})

    def _create(self, action: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        if refusal := self.refuse(body):
            return {"status": refusal[0], "error": {"type": refusal[1], "reason": "as scripted"}}
        index = self.streams.setdefault(action["_index"], [{}])[-1]
        if action["_id"] in index:
            return {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "there"}}
        index[action["_id"]] = body
        return {"status": 201}


@contextmanager
def fake_elasticsearch(**changes: Any) -> Iterator[FakeElasticsearch]:
    fake = FakeElasticsearch(**changes)
    with scripted_http(fake.answer) as server:
        fake.server = server
        yield fake


def _json(body: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), HEADERS)
