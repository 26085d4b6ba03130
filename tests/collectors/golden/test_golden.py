"""The golden corpus: every trap that capture of other tools fell into, from the wire to the record."""

import pytest

from collectors.gpu.dcgm import FIELDS
from collectors.gpu.pages import read_page
from tests.collectors.golden.telling import Happened, Told, Trap, told_of
from tests.collectors.golden.traps import CORPUS, PAGES, WIRE

NAMES = [
    "binary JSON with header lost",
    "header 0 raw request",
    "gzip without header",
    "BYTES with NUL and non-UTF-8",
    "FP16 and BF16 raw",
    "mixed shared-memory + raw inputs",
    "Triton stream vs MLServer stream",
    "decoupled 0, 1, n responses",
    "gRPC error with HTTP 200",
    "compressed gRPC message",
    "TF single-value fill",
    "NaN token JSON",
    "`instances` of scalars / lists / dicts",
    "`b64`",
    "requested outputs without data",
    "non-string parameters",
    "MLServer `pd`",
    "OpenAI n=2 with parallel tool calls",
    "SSE split inside a UTF-8 char",
    "error after 200",
    "client disconnect mid-stream",
    "KServe halves out of order, duplicated, or alone",
    "equal source+id",
    "transformer + predictor double log",
    "same ModelMesh id from two pods",
    "request rows ≠ response rows",
    "response content type lies",
    "DCGM sentinel",
]
"""All of them, so that none goes missing from the tables."""

CASES = [
    pytest.param(trap, id=f"{name} {number}" if number else name)
    for name, traps in [*CORPUS.items(), *WIRE.items()]
    for number, trap in enumerate(traps if isinstance(traps, tuple) else (traps,))
]


def test_no_trap_is_missing() -> None:
    """The tables have every name of the corpus, and no other."""
    assert sorted([*CORPUS, *PAGES]) == sorted(NAMES)


@pytest.mark.parametrize("page", [page for pages in PAGES.values() for page in pages])
def test_a_number_that_says_no_value_is_unknown(page: str) -> None:
    """In every field of DCGM's exporter, however the number is written: never a value, and there is a reason."""
    ((found,), _) = read_page(page, "h:9400")
    for name in FIELDS:
        assert getattr(found, name) is None
        assert found.unknown[name] in ("no_value", "not_exported")
    assert page.count("NaN") or set(map(found.unknown.get, FIELDS)) == {"no_value"}


@pytest.mark.parametrize("trap", CASES)
def test_what_comes_of_it(trap: Trap) -> None:
    """The records that are expected, in their order, and the account of the exchanges."""
    happened: Happened = trap.happens()
    found = [told_of(record) for record in happened.predictions]
    assert len(found) == len(trap.records)
    for record, expected in zip(found, trap.records, strict=True):
        assert shown(record, expected) == expected
    assert {key: count for key, count in happened.outcomes.items() if count} == trap.outcomes or not trap.outcomes


def shown(record: Told, expected: Told) -> Told:
    """What the record says of what is expected: of outputs of language models only the columns that are named."""
    said = {name: record[name] for name in expected}
    for side in ("inputs", "outputs"):
        if side in expected and record["model"] == "g":
            said[side] = {name: record[side].get(name) for name in expected[side]}
    return said
