"""Elasticsearch: window results and alert transitions as documents of data streams, written by the official client.

Delivery is at least once with `create` and deterministic ids: a document that is already there answers 409, which
counts as delivered. An id is unique per backing index only, so after a failure whose outcome is unknown, and after a
restart, the ids of the first batch are looked up over the whole data stream before they are sent again: a rollover in
between would otherwise let them in twice.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError, UnsupportedProductError

from monitor.errors import Fault, InvalidInput, Unavailable
from monitor.exporters.dead_letters import DeadLetters
from monitor.exporters.documents import Document, Streams, publication_documents
from monitor.exporters.telemetry import Telemetry
from monitor.exporters.templates import CUSTOM, Capabilities, probe, templates
from monitor.ports import Publication

BULK_DOCUMENTS_MAX = 1_000
BULK_BYTES_MAX = 5 * 2**20
"""Elastic's advice is 5 to 15 MB a request; results are small, so the low end."""
ATTEMPTS_MAX = 3
"""Tries within one `publish` where the server answers that it is busy; then the caller asks again later."""
BACKOFF_SECONDS = 0.25
"""Doubled at each try. The tries of one call take two seconds at most: alerts wait behind it."""
REQUEST_TIMEOUT_SECONDS = 10.0
TOO_LARGE, TOO_MANY = 413, 429
REFUSED_KINDS_MAX = 20
"""Distinct reasons of refusal that get their own count; the server's error types are not ours to trust."""


class ElasticsearchExporter:
    """Writes publications to the data streams of one namespace. One caller at a time."""

    name = "elasticsearch"

    def __init__(
        self,
        client: Elasticsearch,
        *,
        namespace: str,
        dead_letters: DeadLetters,
        telemetry: Telemetry,
        clock: Callable[[], int],
        sleep: Callable[[float], None],
        jitter: random.Random,
    ) -> None:
        self._client = client.options(request_timeout=REQUEST_TIMEOUT_SECONDS, max_retries=0, retry_on_timeout=False)
        self._streams = Streams(namespace)
        self._dead_letters = dead_letters
        self._telemetry = telemetry
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._prepared = False
        self._uncertain = True
        self._refusals: set[str] = set()

    def prepare(self) -> Capabilities:
        """Ask the server what it has, put our templates, and see that they win.

        Raises InvalidInput where another template wins or the server is not one we can speak to, Unavailable where it
        does not answer.
        """
        try:
            capabilities = self._capabilities()
            self._put_templates(capabilities)
            self._check_templates_win()
        except UnsupportedProductError as error:
            raise InvalidInput(Fault("elasticsearch", str(error), "an Elasticsearch server 8 or 9")) from error
        except (ApiError, TransportError) as error:
            raise Unavailable(self.name, _cause(error)) from error
        self._prepared = True
        return capabilities

    def publish(self, publications: Sequence[Publication]) -> None:
        self._deliver([d for p in publications for d in publication_documents(p, self._streams)])

    def close(self) -> None:
        self._client.close()

    def _deliver(self, documents: Sequence[Document]) -> None:
        if not documents:
            return
        if not self._prepared:
            self.prepare()
        for chunk in _chunks(documents):
            self._deliver_chunk(chunk)

    def _deliver_chunk(self, chunk: list[Document]) -> None:
        pending = chunk
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                self._telemetry.retried(self.name)
                self._sleep(BACKOFF_SECONDS * 2**attempt * self._jitter.uniform(0.75, 1.0))
            pending = self._send(self._not_there_yet(pending))
            if not pending:
                self._uncertain = False
                return
        raise Unavailable(self.name, f"{len(pending)} documents were put off {ATTEMPTS_MAX} times")

    def _send(self, documents: list[Document]) -> list[Document]:
        """Send one bulk request; the documents to try again. Those refused for good become dead letters."""
        if not documents:
            return []
        # The client passes ready lines through as they are, though its type asks for mappings.
        lines = cast("list[Mapping[str, Any]]", [line for d in documents for line in _lines(d)])
        try:
            answer = self._client.bulk(
                operations=lines, filter_path="items.*.status,items.*.error.type,items.*.error.reason"
            )
        except TransportError as error:
            self._uncertain = True
            raise Unavailable(self.name, _cause(error)) from error
        except ApiError as error:
            return self._send_again(documents, error)
        results = [next(iter(item.values())) for item in answer["items"]]
        delivered, again = 0, []
        for document, result in zip(documents, results, strict=True):
            status = result["status"]
            if status < 300 or status == 409:
                delivered += 1
            elif status == TOO_MANY or status >= 500:
                again.append(document)
            else:
                self._refuse(document, result["error"]["type"], result["error"].get("reason", ""))
        if delivered:
            self._telemetry.sent(self.name, delivered, self._clock())
        return again

    def _send_again(self, documents: list[Document], error: ApiError) -> list[Document]:
        status = error.status_code
        if status == TOO_LARGE:
            if len(documents) == 1:
                self._refuse(documents[0], "too_large", "the server refuses a document of this size")
                return []
            half = len(documents) // 2
            return self._send(documents[:half]) + self._send(documents[half:])
        if status == TOO_MANY or status >= 500:
            self._uncertain = self._uncertain or status >= 500
            return documents
        raise Unavailable(self.name, _cause(error)) from error

    def _refuse(self, document: Document, kind: str, reason: str) -> None:
        if len(self._refusals) < REFUSED_KINDS_MAX:
            self._refusals.add(kind)
        counted = kind if kind in self._refusals else "other"
        self._telemetry.not_sent(self.name, 1, counted)
        kept = self._dead_letters.add(document.stream, document.id, f"{kind}: {reason}", document.body)
        if not kept:
            self._telemetry.not_sent("dead_letters", 1, "file_full")

    def _not_there_yet(self, documents: list[Document]) -> list[Document]:
        """Without those that an attempt of unknown outcome did deliver, whichever backing index took them."""
        if not self._uncertain:
            return documents
        by_stream: dict[str, list[Document]] = {}
        for document in documents:
            by_stream.setdefault(document.stream, []).append(document)
        try:
            missing = [d for stream, members in by_stream.items() for d in self._missing(stream, members)]
        except (ApiError, TransportError) as error:
            raise Unavailable(self.name, _cause(error)) from error
        if len(missing) < len(documents):
            self._telemetry.sent(self.name, len(documents) - len(missing), self._clock())
        return missing

    def _missing(self, stream: str, documents: list[Document]) -> list[Document]:
        self._client.indices.refresh(index=stream, ignore_unavailable=True)
        found = self._client.search(
            index=stream,
            query={"ids": {"values": [d.id for d in documents]}},
            size=len(documents),
            source=False,
            ignore_unavailable=True,
        )
        there = {hit["_id"] for hit in found["hits"]["hits"]}
        return [d for d in documents if d.id not in there]

    def _capabilities(self) -> Capabilities:
        return Capabilities(
            lifecycle_management=self._has_lifecycle_management(),
            data_stream_lifecycle=self._takes(probe(lifecycle=True)),
            constant_keyword=self._takes(probe(mapping_type="constant_keyword")),
            match_only_text=self._takes(probe(mapping_type="match_only_text")),
        )

    def _has_lifecycle_management(self) -> bool:
        """Its setting is known and its API is there: servers without data tiers accept one and lack the other."""
        if not self._takes(probe(setting="index.lifecycle.name")):
            return False
        try:
            self._client.ilm.get_status()
        except ApiError as error:
            if error.status_code >= 500:
                raise
            return False
        return True

    def _takes(self, template: dict[str, Any]) -> bool:
        try:
            self._client.perform_request("POST", "/_index_template/_simulate", body=template, headers=_JSON)
        except ApiError as error:
            if error.status_code == 400:
                return False
            raise
        return True

    def _put_templates(self, capabilities: Capabilities) -> None:
        wanted = templates(capabilities)
        for name, policy in wanted.policies.items():
            self._client.ilm.put_lifecycle(name=name, policy=policy["policy"])
        for name, component in wanted.components.items():
            self._put("_component_template", name, component)
        try:
            self._client.cluster.get_component_template(name=CUSTOM)
        except NotFoundError:
            self._put("_component_template", CUSTOM, wanted.custom)
        for name, template in wanted.index_templates.items():
            self._put("_index_template", name, template)

    def _put(self, kind: str, name: str, body: dict[str, Any]) -> None:
        self._client.perform_request("PUT", f"/{kind}/{name}", body=body, headers=_JSON)

    def _check_templates_win(self) -> None:
        faults = []
        for stream in self._streams.all:
            answer = self._client.indices.simulate_index_template(name=stream)
            mappings = answer["template"].get("mappings", {})
            if mappings.get("_meta", {}).get("managed_by") != "outrider":
                found = "a template of another owner with a higher priority"
                faults.append(Fault(f"elasticsearch data stream {stream}", found, "Outrider's own template to win"))
        if faults:
            raise InvalidInput(faults)


_JSON = {"accept": "application/vnd.elasticsearch+json; compatible-with=8", "content-type": "application/json"}


def _chunks(documents: Iterable[Document]) -> Iterable[list[Document]]:
    chunk: list[Document] = []
    size = 0
    for document in documents:
        bytes_ = sum(map(len, _lines(document)))
        if chunk and (len(chunk) >= BULK_DOCUMENTS_MAX or size + bytes_ > BULK_BYTES_MAX):
            yield chunk
            chunk, size = [], 0
        chunk.append(document)
        size += bytes_
    if chunk:
        yield chunk


def _lines(document: Document) -> tuple[str, str]:
    action = json.dumps({"create": {"_index": document.stream, "_id": document.id}})
    return action, json.dumps(document.body, allow_nan=False)


def _cause(error: ApiError | TransportError) -> str:
    if isinstance(error, ApiError):
        return f"{error.status_code} {error.message}"
    return f"{type(error).__name__}: {error.message}"
