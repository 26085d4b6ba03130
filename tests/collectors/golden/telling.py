"""A small language for traps: what passed on the wire or came as events, and the records that must come of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors.records.packing import unpack
from collectors.records.types import Prediction, Tensor
from tests.collectors.conversation import Step, answer, post
from tests.collectors.intake.events import NOW_NS, Sent, event_capture, predictions
from tests.collectors.test_pipeline import Capture

Told = dict[str, Any]
"""What is asserted of a record; what is not named may be anything."""


@dataclass(frozen=True)
class Trap:
    """A fixture and what is expected of it. `outcomes` is what became of the exchanges, by outcome and reason."""

    happens: Callable[[], "Happened"]
    records: Sequence[Told] = ()
    outcomes: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Happened:
    """The predictions that came of it, and the account."""

    predictions: list[Prediction]
    outcomes: dict[tuple[str, str], int]


def wire(*steps: Step, closes: bool = True) -> Callable[[], Happened]:
    """One connection, through the whole pipeline."""

    def happens() -> Happened:
        capture = Capture().open().say(steps)
        taken = (capture.close() if closes else capture).take()
        return Happened(taken.predictions, dict(taken.counts.exchanges))

    return happens


def events(*sent: Sent) -> Callable[[], Happened]:
    """What inference loggers send, in this order; then the waiting is over."""

    def happens() -> Happened:
        capture = event_capture(wait_ns=10**9)
        batches = [batch for headers, body in sent for batch in capture.read(headers, body, NOW_NS)]
        batches += capture.expire(NOW_NS + 2 * 10**9)
        outcomes: dict[tuple[str, str], int] = {}
        for batch in batches:
            for record in batch.records:
                for name in ("undecodable", "dropped"):
                    for reason, count in getattr(record, name, {}).items():
                        outcomes[name, reason] = outcomes.get((name, reason), 0) + count
        return Happened(predictions(batches), outcomes)

    return happens


def told_of(record: Prediction) -> Told:
    """A record as plain values."""
    return {
        "model": record.model,
        "version": record.version,
        "id": record.id,
        "status": record.status,
        "rows": record.rows,
        "error": record.error,
        "fidelity": record.fidelity,
        "inputs": {tensor.name: plain(tensor) for tensor in record.inputs},
        "outputs": {tensor.name: plain(tensor) for tensor in record.outputs},
    }


def plain(tensor: Tensor) -> tuple[str, tuple[int, ...], list[Any]]:
    """Datatype, shape and values; None where one is missing, a text for what is no number."""
    found: Sequence[Any] = tensor.items if tensor.datatype == "BYTES" else unpack(tensor.data, tensor.datatype)
    said = [None if at in tensor.missing else _comparable(value) for at, value in enumerate(found)]
    return tensor.datatype, tensor.shape, said


def _comparable(value: Any) -> Any:
    return "NaN" if value != value else value


def asks(target: str, body: Any, **headers: str) -> Step:
    return post(target, body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)


def says(body: Any, status: int = 200, **headers: str) -> Step:
    return answer(body if isinstance(body, bytes) else json.dumps(body).encode(), status, **headers)
