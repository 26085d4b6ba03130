"""GET account: what became of everything that passed: the two conservation laws over a span, and the known holes in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from collectors.records.types import Ledger, Passed
from monitor.errors import Fault, InvalidInput
from monitor.findings import rfc3339
from monitor.ports import BATCH_MISSING, Catalog, GapEntry
from monitor.query.asked import Between
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog

END_OF_TIME_NS = 2**62


def state_of(seen: int, passed: Passed, gaps: list[GapEntry]) -> str:
    """`complete`, `gaps` (some of it is unknown), `idle` (the sidecars were there, and nothing came), `blind` (nothing was
    seen, and there are gaps), `no_data` (nothing is known: neither traffic nor a sidecar)."""
    if seen:
        return "gaps" if gaps else "complete"
    if gaps:
        return "blind"
    return "idle" if passed.bytes or passed.connections else "no_data"


def exchanges(ledger: Ledger) -> dict[str, Any]:
    """`unaccounted` is what the law leaves over: 0 unless something was lost between two counts."""
    dropped, undecodable = positive(ledger.dropped), positive(ledger.undecodable)
    accounted = ledger.captured + ledger.sampled_out + ledger.not_inference + sum(dropped.values())
    return {
        "seen": ledger.seen,
        "captured": ledger.captured,
        "sampled_out": ledger.sampled_out,
        "dropped": dropped,
        "undecodable": undecodable,
        "not_inference": ledger.not_inference,
        "unaccounted": ledger.seen - accounted - sum(undecodable.values()),
    }


def positive(counts: Mapping[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(counts.items()) if count}


def at_the_tap(passed: Passed) -> dict[str, Any]:
    """Connections are counted as passed when they begin and as copied or not when they end: the rest stand."""
    connections, lost = positive(passed.connections_uncopied), positive(passed.bytes_uncopied)
    return {
        "bytes": passed.bytes,
        "bytes_copied": passed.bytes_copied,
        "bytes_uncopied": lost,
        "bytes_unaccounted": passed.bytes - passed.bytes_copied - sum(lost.values()),
        "connections": passed.connections,
        "connections_copied": passed.connections_copied,
        "connections_uncopied": connections,
    }


def account(
    catalog: Catalog, model: str, version: str | None, start_ns: int | None, end_ns: int | None
) -> dict[str, Any]:
    span = (start_ns or 0, END_OF_TIME_NS if end_ns is None else end_ns)
    ledger, passed = catalog.ledger(model, version, *span), catalog.passed(model, *span)
    gaps = catalog.gaps(model, start_ns, end_ns)
    return {
        "model": model,
        "version": version,
        "start": None if start_ns is None else rfc3339(start_ns),
        "end": None if end_ns is None else rfc3339(end_ns),
        "state": state_of(ledger.seen, passed, gaps),
        "exchanges": exchanges(ledger),
        "exchanges_without_model": exchanges(catalog.ledger(None, None, *span)),
        "tap": at_the_tap(passed),
        "gaps": {
            "count": len(gaps),
            "batches_missing": sum(entry.gap.reason == BATCH_MISSING for entry in gaps),
            "connections": sum(entry.gap.connections for entry in gaps),
            "bytes": sum(entry.gap.bytes for entry in gaps),
            "exchanges_estimated": sum(entry.gap.exchanges_estimated for entry in gaps),
        },
    }


class AccountController(Controller):
    """What became of everything that passed."""

    path = "/models/{model:str}/account"
    tags = ("models",)

    @get("/", sync_to_thread=True, summary="The account of capture over a span")
    def account(
        self,
        catalog: TheCatalog,
        model: FromPath[str],
        between: Between,
        version: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Of the tap and of gaps by the sidecars that have carried the model; of exchanges without a name by all."""
        model_of(catalog, model)
        start_ns, end_ns = between.start_ns, between.end_ns
        if start_ns is not None and end_ns is not None and end_ns <= start_ns:
            raise InvalidInput(Fault("to", str(rfc3339(end_ns)), "a time after `from`"))
        return account(catalog, model, version, start_ns, end_ns)
