"""The account of exchanges stays small while the spool takes nothing, and loses nothing."""

from collectors.pipeline import Counts
from collectors.records.types import Gap, Ledger, Prediction, Record
from collectors.tap.status import WorkerStatus
from collectors.tap.tally import MODELS_MAX, Tally

SECOND = 1_000_000_000


def prediction(model: str, second: int) -> Prediction:
    return Prediction(
        exchange="e", id="i", id_source="body", model=model, version="1", time_ns=second * SECOND + 5, rows=3
    )


def entry(model: str, second: int, captured: int) -> Ledger:
    return Ledger(
        start_ns=second * SECOND,
        end_ns=(second + 1) * SECOND,
        model=model,
        version="1",
        seen=captured,
        captured=captured,
    )


def observe(tally: Tally, *records: Record) -> list[Record]:
    captured = sum(isinstance(record, Prediction) for record in records)
    return tally.observed(records, Counts(exchanges={("captured", ""): captured}, predictions=3 * captured))


def test_increments_of_one_second_and_model_become_one_entry():
    """However often the pipeline is asked."""
    tally = Tally(WorkerStatus())
    for _ in range(4):
        observe(tally, prediction("m", 7), entry("m", 7, 1))
    observe(tally, prediction("m", 8), entry("m", 8, 1))
    assert [(each.start_ns // SECOND, each.seen) for each in tally.ledger()] == [(7, 4), (8, 1)]
    tally.spooled()
    assert tally.ledger() == []
    assert tally.unspooled == 0


def test_refused_predictions_are_dropped_in_every_account():
    """Totals and ledger agree on what became of them."""
    tally = Tally(WorkerStatus())
    kept = observe(tally, prediction("m", 7), prediction("m", 8), entry("m", 7, 1), entry("m", 8, 1))
    assert tally.refused(kept) == []
    (only,) = tally.ledger()
    assert (only.seen, only.captured, only.dropped) == (2, 0, {"spool_full": 2})
    assert (only.start_ns, only.end_ns) == (7 * SECOND, 9 * SECOND)
    assert (tally.status.captured, tally.status.records, tally.status.dropped) == (0, 0, {"spool_full": 2})


def test_the_account_of_many_models_is_bounded():
    """Model names come from clients; beyond the bound they are counted without a name."""
    tally = Tally(WorkerStatus())
    for number in range(2 * MODELS_MAX):
        kept = observe(tally, prediction(f"m{number}", number), entry(f"m{number}", number, 1))
        tally.refused(kept)
    entries = tally.ledger()
    assert len(entries) == MODELS_MAX + 1
    assert sum(each.seen for each in entries) == sum(each.dropped["spool_full"] for each in entries) == 2 * MODELS_MAX


def test_gaps_that_the_spool_refused_are_joined_and_offered_again():
    """A full spool does not make anything seem to have been seen."""
    tally = Tally(WorkerStatus())
    gaps = [Gap(start_ns=n, end_ns=n + 5, reason="worker_died", exchanges_estimated=2, bytes=10) for n in range(50)]
    kept = observe(tally, *gaps)
    assert tally.refused(kept) == [Gap(start_ns=0, end_ns=54, reason="worker_died", exchanges_estimated=100, bytes=500)]
    assert tally.unspooled == 100


def test_errors_of_the_server_are_counted_by_class():
    """A closed set of label values."""
    tally = Tally(WorkerStatus())
    failed = Prediction(
        exchange="e",
        id="i",
        id_source="body",
        model="m",
        version="1",
        time_ns=5,
        status=503,
        duration_ns=20_000_000_000,
    )
    observe(tally, failed, entry("m", 0, 1))
    assert tally.status.request_errors == {"http_5xx": 1}
    assert tally.status.duration_counts[-1] == 1
