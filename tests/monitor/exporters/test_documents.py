"""Documents: their identity, their shape, and that no mapping is ever needed for a name from the data."""

from __future__ import annotations

import json
import math
from typing import Any

from monitor.exporters.documents import Streams, publication_documents
from monitor.exporters.templates import FULL, MAPPINGS, PLAIN, templates
from monitor.findings import AlertKind, AlertStatus
from tests.results import finding, publication, transition

STREAMS = Streams("default")
FIELDS_MAX = 120


def fields(properties: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, field in properties.items():
        if "properties" in field:
            found |= fields(field["properties"], f"{prefix}{name}.")
        else:
            found[prefix + name] = field["type"]
    return found


def leaves(body: Any, prefix: str = "") -> set[str]:
    if isinstance(body, dict):
        return {leaf for name, value in body.items() for leaf in leaves(value, f"{prefix}.{name}" if prefix else name)}
    if isinstance(body, list):
        return {leaf for item in body for leaf in leaves(item, prefix)}
    return {prefix}


def every_document() -> list[dict[str, Any]]:
    ranged = finding("parity_difference", AlertKind.FAIRNESS, slice="SEX=2", threshold=(-0.1, 0.1))
    result = publication(0, finding(), ranged, transitions=(transition(),))
    return [document.body for document in publication_documents(result, STREAMS)]


def test_every_field_of_every_document_is_mapped() -> None:
    """Nothing below `outrider` would be refused, nothing we write would be ignored."""
    for form in (FULL, PLAIN):
        made = templates(form)
        mapped = set(fields(made.components[MAPPINGS]["template"]["mappings"]["properties"]))
        mapped |= set(fields(made.index_templates["outrider-window"]["template"]["mappings"]["properties"]))
        for body in every_document():
            assert leaves(body) <= mapped
        assert len(mapped) < FIELDS_MAX


def test_the_same_result_has_the_same_ids() -> None:
    """A second delivery meets the first."""
    once, again = ([d.id for d in publication_documents(publication(), STREAMS)] for _ in range(2))
    assert once == again


def test_what_differs_has_another_id() -> None:
    """Revision, window, feature, slice, metric and state are part of what a document is."""
    results = [
        publication(0, finding(), finding(feature="b"), finding(slice="s"), finding("ks_statistic")),
        publication(1),
        publication(0, revision=1),
        publication(0, rule="1h"),
        publication(
            0,
            transitions=(transition(), transition(AlertStatus.RESOLVED), transition(escalated=True)),
            model="other",
        ),
    ]
    ids = [d.id for result in results for d in publication_documents(result, STREAMS)]
    assert len(ids) == len(set(ids))


def test_no_number_is_infinite() -> None:
    """A score over a limit of nothing is not JSON; the document keeps the rest."""
    result = publication(0, finding(score=math.inf), transitions=(transition(value=math.nan),))
    for document in publication_documents(result, STREAMS):
        json.dumps(document.body, allow_nan=False)


def test_a_range_is_two_limits() -> None:
    """`[low, high]` and a plain number go to the same two fields."""
    assert every_document()[2]["outrider"]["threshold"] == {"low": -0.1, "high": 0.1, "origin": "default"}
    assert every_document()[1]["outrider"]["threshold"]["low"] is None
