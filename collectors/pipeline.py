"""Exchange → decode → redact → sample → record: the one use case of capture.

The tap tells what it copied and what it could not; `take` hands on the records and what became of every exchange:
seen = captured + sampled_out + dropped + undecodable + not_inference, exactly, in every take. Nothing here does
input or output, and nothing raises on foreign bytes.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from collectors.accounts import LEDGER_INTERVAL_NS, Account, AccountKey, Hole, Outcome
from collectors.decoders.decoder import Call, Decoded, Decoder, Undecodable
from collectors.decoders.elements import tensor_bytes
from collectors.decoders.identity import choose_id, generated_id, trace_of
from collectors.decoders.registry import Registry, named
from collectors.protocols import Direction, Exchange
from collectors.protocols.connection import LEFT_UNREAD, Connection
from collectors.protocols.dialogue import Correlation
from collectors.protocols.exchange import DROPPED
from collectors.protocols.heads import Heads
from collectors.protocols.memory import BUFFERED_BYTES_MAX, Budget
from collectors.records.types import CapturedBy, Fidelity, Gap, IdSource, Prediction, Record
from collectors.redaction import RedactionPolicy, redact, redact_headers, redact_id
from collectors.sampling import SamplingPolicy, keeps

CONNECTIONS_MAX = 16_384
"""Connections followed at once; a forwarder with more has other worries, and each costs some kilobytes."""

PENDING_BYTES_MAX = 64 * 1024 * 1024
"""Records between two takes: a second of a fast stream, or one largest exchange."""

LEDGERS_MAX = 4096
"""Ledger entries between two takes; model names come from clients, so beyond this they are counted without a name."""

FAULTS_MAX = 16
"""Faults told with their place between two takes, for the log; all of them are counted."""

KEPT_BYTES_MAX = 4 * 1024 * 1024
"""Of an undecodable exchange that is kept as it came; of those between two takes no more than FAULTS_MAX are."""

WAITING_MAX = 64
WAITING_BYTES_MAX = 1024 * 1024
"""Exchanges, and their bytes, that are decided together: a processor that does the same again and again does it half as fast
again as in turn with observing."""

EXCHANGES_PER_PAUSE = 4
"""Decided between two pauses: some fifty microseconds of work, where they are small."""

_MEAN_WEIGHT = 0.05
"""Of the newest exchange in the mean by which the exchanges in a gap are estimated."""

_RECORD_BYTES = 512
"""About what a record weighs beside its tensors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How an exchange came to be known. `name` is the same one each time the exchange comes, where its sender may repeat it."""

    captured_by: CapturedBy = "tap"
    fidelity: Fidelity = "full"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One exchange that could not be read, with the place in it."""

    reason: str
    where: str
    detail: str
    model: str | None
    exchange: Exchange | None = None
    """As it came, where it is to be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What happened since the last take. Every key comes from a closed set, so each can be a label in telemetry."""

    exchanges: Mapping[tuple[Outcome, str], int] = field(default_factory=dict)
    """By outcome and reason; the reason is empty where the outcome needs none."""
    requests: Mapping[str, int] = field(default_factory=dict)
    """Exchanges that were inferences, by protocol: http1, http2, grpc."""
    predictions: int = 0
    """Rows of the captured exchanges."""
    bytes: int = 0
    """About what their records weigh."""
    redacted: Mapping[str, int] = field(default_factory=dict)
    """Values changed or removed, by kind."""
    connections: Mapping[str, int] = field(default_factory=dict)
    """Connections by what they turned out to speak: http1, http2, opaque, or silent where no byte passed."""
    opaque: Mapping[str, int] = field(default_factory=dict)
    """Connections whose bytes pass unread, by cause; one that was http1 at first is in both."""
    faults: tuple[Fault, ...] = ()

    @property
    def seen(self) -> int:
        """All exchanges."""
        return sum(self.exchanges.values())


class Pipeline:
    """What the capture worker does with the copy: bytes and facts in, records and counts out."""

    def __init__(
        self,
        sidecar: str,
        redaction: RedactionPolicy,
        sampling: SamplingPolicy,
        ids: tuple[IdSource, ...],
        *,
        registry: Registry | None = None,
        keeps_undecodable: bool = False,
        captured_by: CapturedBy = "tap",
        buffered_bytes_max: int = BUFFERED_BYTES_MAX,
        pending_bytes_max: int = PENDING_BYTES_MAX,
    ) -> None:
        self._sidecar = sidecar
        self._redaction = redaction
        self._sampling = sampling
        self._ids = ids
        self._registry = registry or Registry()
        self._tap = Provenance(captured_by=captured_by)
        self._keeps_undecodable = keeps_undecodable
        self._budget = Budget(buffered_bytes_max)
        self._heads = Heads()
        self._pending_bytes_max = pending_bytes_max
        self._connections: dict[int, Connection] = {}
        self._last_number = 0
        self._changed: Counter[str] = Counter()
        self._waiting: list[Exchange] = []
        self._waiting_bytes = 0
        self._exchange_bytes_mean = 0.0
        self._begin()

    def _begin(self) -> None:
        """Start the next interval between takes."""
        self._records: list[Record] = []
        self._pending_bytes = 0
        self._predictions = 0
        self._requests: Counter[str] = Counter()
        self._redacted: Counter[str] = Counter()
        self._protocols: Counter[str] = Counter()
        self._opaque: Counter[str] = Counter()
        self._faults: list[Fault] = []
        self._accounts: dict[AccountKey, Account] = {}
        self._holes: dict[str, Hole] = {}
        self._gaps: list[Gap] = []

    def follow(
        self, redaction: RedactionPolicy, sampling: SamplingPolicy, ids: tuple[IdSource, ...], registry: Registry
    ) -> None:
        """Treat the exchanges that end from now on by these; none is treated by a part of them."""
        self.settle()
        self._redaction, self._sampling, self._ids, self._registry = redaction, sampling, ids, registry

    def _wanted(self, method: str, target: str) -> bool:
        """By the registry of this moment, on connections of any age."""
        return self._registry.is_inference(method, target)

    def _correlating(self, method: str, target: str) -> Correlation | None:
        return self._registry.correlation(method, target)

    def opened(self, connection: int, time_ns: int) -> None:
        """A client connected."""
        self.closed(connection, time_ns)
        self._follow(connection, met_midway=False)

    def received(self, connection: int, direction: Direction, data: bytes | memoryview, time_ns: int) -> None:
        """Bytes of a connection, in the order they passed."""
        known = self._connections.get(connection) or self._follow(connection, met_midway=True)
        spoken, opaque = known.spoken, known.opaque
        if opaque is not None and opaque in LEFT_UNREAD:
            self.settle()
            hole = self._hole(opaque, connection, len(data), time_ns)
            hole.exchanges += len(data) / self._exchange_bytes_mean if self._exchange_bytes_mean else 0.0
            return
        finished = known.received(direction, bytes(data), time_ns)
        if spoken is None or known.opaque is not opaque:
            self._note_protocol(known, spoken is None, opaque is None)
        for exchange in finished:
            self._finished(exchange)

    def lost(
        self, connection: int, to_server: int, to_client: int, time_ns: int, *, since_ns: int | None = None
    ) -> None:
        """So many bytes of a connection were not copied each way, the first of them at `since_ns`."""
        self.settle()
        known = self._connections.get(connection) or self._follow(connection, met_midway=True)
        spoken, opaque = known.spoken, known.opaque
        finished: list[Exchange] = []
        is_known = True
        for direction, count in zip(Direction, (to_server, to_client), strict=True):
            if count:
                ended, in_step = known.lost(direction, count)
                finished += ended
                is_known = is_known and in_step
        self._note_protocol(known, spoken is None, opaque is None)
        count = to_server + to_client
        hole = self._hole("tls" if opaque == "tls" else "not_copied", connection, count, time_ns, since_ns=since_ns)
        if not is_known:
            hole.exchanges += max(0.0, self._exchanges_in(count) - len(finished))
        for exchange in finished:
            self._finished(exchange)

    def closed(self, connection: int, time_ns: int) -> None:
        """Both directions of a connection have ended."""
        known = self._connections.pop(connection, None)
        if known is None:
            return
        if known.silent:
            self._protocols["silent"] += 1
        elif known.spoken is None:
            self._protocols["opaque"] += 1
            self._opaque["unknown"] += 1
        for exchange in known.closed(time_ns):
            self._finished(exchange)

    def interrupted(
        self, start_ns: int, end_ns: int, connections: int, bytes: int, exchanges_estimated: int, reason: str
    ) -> None:
        """Nothing was seen for a while."""
        self._gaps.append(
            Gap(
                start_ns=start_ns,
                end_ns=end_ns,
                reason=reason,
                connections=connections,
                bytes=bytes,
                exchanges_estimated=exchanges_estimated,
            )
        )

    def observed(self, exchange: Exchange, found: tuple[Decoder, Call] | None, provenance: Provenance) -> None:
        """An exchange that came by another way than a connection, with what reads it; None where it is no inference."""
        self._decide(exchange, found, provenance)

    @property
    def waiting(self) -> int:
        """Exchanges that ended and are not decided yet."""
        return len(self._waiting)

    def settle(self, pause: Callable[[], None] | None = None) -> None:
        """Decide what waits; `pause` is called every now and then, for whoever must not keep a processor for long."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        find, until_pause = self._registry.find, EXCHANGES_PER_PAUSE
        for exchange in waiting:
            self._decide(exchange, find(exchange.method, exchange.target), self._tap)
            until_pause -= 1
            if not until_pause and pause is not None:
                until_pause = EXCHANGES_PER_PAUSE
                pause()

    def take(self) -> tuple[list[Record], Counts]:
        """Drain the finished records, the gaps, the ledger entries and the counts since the last take."""
        self.settle()
        records = self._records
        records.extend(self._gaps)
        records.extend(
            Gap(
                start_ns=hole.start_ns,
                end_ns=hole.end_ns,
                reason=reason,
                connections=len(hole.connections),
                bytes=hole.bytes,
                exchanges_estimated=round(hole.exchanges),
            )
            for reason, hole in self._holes.items()
        )
        exchanges: Counter[tuple[Outcome, str]] = Counter()
        for key, account in self._accounts.items():
            records.append(account.entry(*key))
            for outcome, count in account.outcomes():
                exchanges[outcome] += count
        counts = Counts(
            exchanges=exchanges,
            bytes=self._pending_bytes,
            requests=self._requests,
            predictions=self._predictions,
            redacted=self._redacted,
            connections=self._protocols,
            opaque=self._opaque,
            faults=tuple(self._faults),
        )
        self._begin()
        return records, counts

    def _follow(self, connection: int, *, met_midway: bool) -> Connection:
        """Begin to follow a connection; where there are too many, the one followed longest makes room."""
        if len(self._connections) >= CONNECTIONS_MAX:
            evicted = self._connections.pop(next(iter(self._connections)))
            for exchange in evicted.evicted():
                self._finished(exchange)
        known = Connection(
            self._budget,
            self._wanted,
            met_midway=met_midway,
            correlating=self._correlating,
            heads=self._heads,
        )
        self._connections[connection] = known
        if met_midway:
            self._protocols["http1"] += 1
        return known

    def _note_protocol(self, known: Connection, was_unsniffed: bool, was_followed: bool) -> None:
        if was_unsniffed and known.spoken is not None:
            self._protocols[known.spoken if known.spoken in ("http1", "http2") else "opaque"] += 1
        if was_followed and known.opaque is not None:
            self._opaque[known.opaque] += 1

    def _hole(self, reason: str, connection: int, count: int, time_ns: int, *, since_ns: int | None = None) -> Hole:
        """The gap of this reason, grown by so many bytes."""
        since_ns = time_ns if since_ns is None else since_ns
        hole = self._holes.setdefault(reason, Hole(since_ns))
        hole.start_ns = min(hole.start_ns, since_ns)
        hole.end_ns = max(hole.end_ns, time_ns)
        hole.connections.add(connection)
        hole.bytes += count
        return hole

    def _exchanges_in(self, count: int) -> float:
        """How many exchanges were probably in so many bytes: at least one."""
        return max(1.0, count / self._exchange_bytes_mean) if self._exchange_bytes_mean else 1.0

    def _finished(self, exchange: Exchange) -> None:
        """Decided with others soon."""
        self._waiting.append(exchange)
        self._waiting_bytes += exchange.wire_bytes
        if self._waiting_bytes > WAITING_BYTES_MAX or len(self._waiting) > WAITING_MAX:
            self.settle()

    def _decide(self, exchange: Exchange, found: tuple[Decoder, Call] | None, provenance: Provenance) -> None:
        """Decide what becomes of one exchange."""
        once = provenance.name
        if found is None:
            unreadable = exchange.damage if not exchange.target else None
            kind: Outcome = "undecodable" if unreadable else "not_inference"
            self._account(exchange, None, None, kind, unreadable or "", once)
            return
        decoder, call = found
        if exchange.damage:
            outcome: Outcome = "dropped" if exchange.damage in DROPPED else "undecodable"
            self._account(exchange, call.model or None, call.version, outcome, exchange.damage, once)
            return
        name = once or self._name(exchange)
        inclusion, is_kept = 1.0, True
        if self._sampling.rate < 1.0:
            inclusion = self._sampling.inclusion(
                status=exchange.status, duration_ns=max(0, exchange.end_ns - exchange.start_ns)
            )
            is_kept = self._sampling.by != "exchange" or keeps(inclusion, name)
            if not is_kept and self._sampling.unsure_below is None:
                call = named(decoder, exchange, call)
                self._account(exchange, call.model or None, call.version, "sampled_out", "", once)
                return
        try:
            decoded = decoder.decode(exchange, call)
        except Undecodable as error:
            call = named(decoder, exchange, call)
            self._account(exchange, call.model or None, call.version, "undecodable", error.reason, once)
            if len(self._faults) < FAULTS_MAX:
                kept = exchange if self._keeps_undecodable and exchange.wire_bytes <= KEPT_BYTES_MAX else None
                self._faults.append(Fault(error.reason, error.where, error.detail, call.model or None, kept))
            return
        if inclusion < 1.0 and self._sampling.is_unsure(decoded.outputs):
            is_kept, inclusion = True, 1.0
        record = self._record(exchange, decoded, name, inclusion, provenance)
        if not is_kept or (self._sampling.by == "id" and not keeps(inclusion, record.id)):
            self._account(exchange, decoded.model, decoded.version, "sampled_out", "", once)
            return
        self._keep(exchange, record, once)

    def _name(self, exchange: Exchange) -> str:
        """Unique in this sidecar over its restarts: numbers rise with time."""
        last, start_ns = self._last_number, exchange.start_ns
        self._last_number = number = start_ns if start_ns > last else last + 1
        return f"{self._sidecar}-{number}"

    def _record(
        self, exchange: Exchange, decoded: Decoded, name: str, inclusion: float, provenance: Provenance
    ) -> Prediction:
        headers = exchange.request_headers
        if self._redaction.headers:
            headers = redact_headers(headers, self._redaction, self._redacted)
        chosen = choose_id(self._ids, decoded.id, headers)
        stored_id: str | None = None
        source: IdSource = "generated"
        if chosen is not None:
            stored_id = redact_id(chosen[0], self._redaction, self._redacted)
            if stored_id:
                source = chosen[1]
        start_ns, end_ns = exchange.start_ns, exchange.end_ns
        record = Prediction(
            exchange=name,
            id=stored_id or generated_id(name, start_ns),
            id_source=source,
            model=decoded.model,
            version=decoded.version,
            time_ns=start_ns,
            duration_ns=end_ns - start_ns if end_ns > start_ns else 0,
            status=exchange.status,
            rows=decoded.rows,
            inputs=decoded.inputs,
            outputs=decoded.outputs,
            inclusion=inclusion,
            captured_by=provenance.captured_by,
            fidelity=decoded.fidelity if decoded.fidelity != "full" else provenance.fidelity,
            trace=trace_of(headers) if "traceparent" in headers else None,
        )
        # A sixteenth argument by its name makes Python pass all of them as a dictionary, which takes longer than the rest.
        return record if decoded.error is None else msgspec.structs.replace(record, error=decoded.error)

    def _keep(self, exchange: Exchange, record: Prediction, once: str | None) -> None:
        changed = self._changed
        if changed:
            changed.clear()
        stored = redact(record, self._redaction, changed)
        weight = _RECORD_BYTES
        for tensor in stored.inputs:
            weight += tensor_bytes(tensor)
        for tensor in stored.outputs:
            weight += tensor_bytes(tensor)
        if self._records and self._pending_bytes + weight > self._pending_bytes_max:
            self._account(exchange, record.model, record.version, "dropped", "pending_full", once)
            return
        if changed:
            self._redacted.update(changed)
        self._pending_bytes += weight
        self._records.append(stored)
        self._predictions += stored.rows
        mean = self._exchange_bytes_mean
        self._exchange_bytes_mean = mean + (exchange.wire_bytes - mean) * (_MEAN_WEIGHT if mean else 1.0)
        self._account(exchange, record.model, record.version, "captured", "")

    def _account(
        self,
        exchange: Exchange,
        model: str | None,
        version: str | None,
        outcome: Outcome,
        reason: str,
        once: str | None = None,
    ) -> None:
        """Count one exchange; `once` names one that may come again, where it has no prediction to know it by."""
        if outcome != "not_inference":
            self._requests[exchange.protocol] += 1
        second = exchange.start_ns - exchange.start_ns % LEDGER_INTERVAL_NS
        key = (second, model, version, once)
        account = self._accounts.get(key) or self._new_account(key)
        if outcome == "captured":
            account.captured += 1
        else:
            account.add(outcome, reason)

    def _new_account(self, key: AccountKey) -> Account:
        """An account that is not open yet; where there are too many, that of exchanges without a model."""
        return self._accounts.setdefault(
            key if len(self._accounts) < LEDGERS_MAX else (key[0], None, None, None), Account()
        )
