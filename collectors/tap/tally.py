"""The account of exchanges: totals for the metrics, ledger entries for the monitor, corrected by what the spool refused.

    seen = captured + sampled out + dropped, by reason + undecodable, by reason + not inference

An exchange counts as captured when its prediction is in the spool: predictions that the spool refused move from
captured to dropped. Ledger entries are increments, so those of one model and second are added up here until it is
time to spool them; while the spool takes nothing, those of one model become one, so that they stay few.
"""

from bisect import bisect_left
from collections.abc import Iterable

from collectors.accounts import LEDGER_INTERVAL_NS
from collectors.pipeline import Counts
from collectors.records.types import Gap, Ledger, Prediction, Record
from collectors.tap.status import DURATION_BOUNDS_SECONDS, WorkerStatus, add_counts

SPOOL_FULL = "spool_full"
MODELS_MAX = 1024
"""Models accounted for by name while the spool takes nothing; model names come from clients."""

_Key = tuple[int, str | None, str | None]


class _Entry:
    """A ledger entry while it grows."""

    __slots__ = ("captured", "dropped", "end_ns", "not_inference", "sampled_out", "seen", "start_ns", "undecodable")

    def __init__(self, start_ns: int, end_ns: int) -> None:
        self.start_ns, self.end_ns = start_ns, end_ns
        self.seen = self.captured = self.sampled_out = self.not_inference = 0
        self.dropped: dict[str, int] = {}
        self.undecodable: dict[str, int] = {}

    def add(self, more: "Ledger | _Entry") -> None:
        self.start_ns, self.end_ns = min(self.start_ns, more.start_ns), max(self.end_ns, more.end_ns)
        self.seen += more.seen
        self.captured += more.captured
        self.sampled_out += more.sampled_out
        self.not_inference += more.not_inference
        add_counts(self.dropped, more.dropped)
        add_counts(self.undecodable, more.undecodable)

    def refuse(self) -> None:
        self.captured -= 1
        add_counts(self.dropped, {SPOOL_FULL: 1})

    def ledger(self, model: str | None, version: str | None) -> Ledger:
        return Ledger(
            start_ns=self.start_ns,
            end_ns=self.end_ns,
            model=model,
            version=version,
            seen=self.seen,
            captured=self.captured,
            sampled_out=self.sampled_out,
            dropped=self.dropped,
            undecodable=self.undecodable,
            not_inference=self.not_inference,
        )


class Tally:
    """What one worker has to account for; `status` goes on from where a predecessor stopped."""

    def __init__(self, status: WorkerStatus) -> None:
        self.status = status
        self.unspooled = 0
        """Exchanges seen whose account is not in the spool yet: what would be lost with this process."""
        self._entries: dict[_Key, _Entry] = {}

    def observed(self, records: Iterable[Record], counts: Counts) -> list[Record]:
        """Account for what the pipeline hands on; returns the records that are to be spooled soon."""
        if counts.connections:
            add_counts(self.status.protocols, counts.connections)
        if counts.opaque:
            add_counts(self.status.unread, counts.opaque)
        status = self.status
        for (outcome, reason), count in counts.exchanges.items():
            if outcome == "dropped":
                add_counts(status.dropped, {reason: count})
            elif outcome == "undecodable":
                add_counts(status.undecodable, {reason: count})
            else:
                setattr(status, outcome, getattr(status, outcome) + count)
        add_counts(status.requests, counts.requests)
        status.records += counts.predictions
        add_counts(status.redacted, counts.redacted)
        self.unspooled += counts.seen
        return [record for record in records if not self._entered(record)]

    def _entered(self, record: Record) -> bool:
        """Take in a ledger entry; look at anything else."""
        if isinstance(record, Prediction):  # nearly all are
            self._look_at(record)
        elif isinstance(record, Ledger):
            key = (record.start_ns, record.model, record.version)
            self._entry(key, record).add(record)
            return True
        elif isinstance(record, Gap):
            self.unspooled += record.exchanges_estimated
        return False

    def _entry(self, key: _Key, like: Ledger | _Entry) -> _Entry:
        return self._entries.setdefault(key, _Entry(like.start_ns, like.end_ns))

    def _look_at(self, prediction: Prediction) -> None:
        duration_ns = prediction.duration_ns
        if duration_ns is not None:
            status = self.status
            status.duration_counts[bisect_left(DURATION_BOUNDS_SECONDS, duration_ns / 1e9)] += 1
            status.duration_ns += duration_ns
        if prediction.status >= 400:
            add_counts(self.status.request_errors, {f"http_{prediction.status // 100}xx": 1})

    def ledger(self) -> list[Ledger]:
        """The entries that are not in the spool yet."""
        return [entry.ledger(model, version) for (_, model, version), entry in self._entries.items()]

    def spooled(self) -> None:
        """Those entries and everything before them are in the spool now."""
        self._entries.clear()
        self.unspooled = 0

    def refused(self, records: Iterable[Record]) -> list[Record]:
        """The spool did not take these; returns what is to be offered again: the gaps, as few as can be."""
        gaps: dict[str, Gap] = {}
        for record in records:
            if isinstance(record, Prediction):
                self._refuse(record)
            elif isinstance(record, Gap):
                gaps[record.reason] = _joined(gaps[record.reason], record) if record.reason in gaps else record
        self._join_entries()
        return list(gaps.values())

    def _refuse(self, prediction: Prediction) -> None:
        self.status.captured -= 1
        self.status.records -= prediction.rows
        add_counts(self.status.dropped, {SPOOL_FULL: 1})
        second = prediction.time_ns - prediction.time_ns % LEDGER_INTERVAL_NS
        for key in ((second, prediction.model, prediction.version), (second, None, None), (0, None, None)):
            if key in self._entries and self._entries[key].captured:
                self._entries[key].refuse()
                return

    def _join_entries(self) -> None:
        """One entry a model, whatever the second."""
        entries, self._entries = self._entries, {}
        for (_, model, version), entry in entries.items():
            key: _Key = (0, model, version)
            if key not in self._entries and len(self._entries) >= MODELS_MAX:
                key = (0, None, None)
            self._entry(key, entry).add(entry)


def _joined(one: Gap, other: Gap) -> Gap:
    return Gap(
        start_ns=min(one.start_ns, other.start_ns),
        end_ns=max(one.end_ns, other.end_ns),
        reason=one.reason,
        connections=one.connections + other.connections,
        bytes=one.bytes + other.bytes,
        exchanges_estimated=one.exchanges_estimated + other.exchanges_estimated,
    )
