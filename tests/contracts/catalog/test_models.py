"""What every Catalog keeps of models and baselines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.definitions import ColumnRule, MonitoredModel
from monitor.errors import NotFound
from monitor.ports import BaselineEntry, Catalog
from tests.contracts.catalog.entries import declared


def test_a_declaration_is_read_back_equal(catalog: Catalog) -> None:
    """Every key of a declaration survives the catalog."""
    model = declared(
        task="binary",
        features={"AGEP": "numeric", "SEX": "categorical", "emb": {"vector": 3}, "x": None},
        prediction={"score": "p", "class": "yhat"},
        label={"name": "employed", "positive": True},
        groups=["SEX"],
        windows=[{"every": "5m", "lateness": "10m"}, {"rows": 5000}, {"sliding": "1h", "step": "5m"}],
        checks={"drift": {"tolerance": {"js_distance": 0.07}}, "fairness": {"parity_difference": [-0.1, 0.1]}},
        receivers=[{"webhook": "http://127.0.0.1:9000/hook", "secret_env": "KEY"}],
        explain={"onnx": "model.onnx", "sample": "all"},
        tensors={"x": ["AGEP", "SEX"], "e": "vector"},
    )
    catalog.put_model(model, 5, declared=True)
    entry = catalog.model("income")
    assert entry is not None
    assert entry.declaration == model
    assert (entry.name, entry.declared, entry.updated_ns, entry.proposal) == ("income", True, 5, None)


def test_an_unknown_model_is_none(catalog: Catalog) -> None:
    """Asking for a model that nobody named answers None."""
    assert catalog.model("income") is None
    assert catalog.baseline("income") is None


def test_traffic_never_replaces_a_declaration(catalog: Catalog) -> None:
    """A proposed model gives way to a declared one, and not the other way round."""
    catalog.put_model(declared(), 1, declared=False)
    catalog.put_model(declared(task="binary"), 2, declared=True)
    catalog.put_model(declared(), 3, declared=False)
    entry = catalog.model("income")
    assert entry is not None
    assert (entry.declared, entry.declaration.task, entry.updated_ns) == (True, "binary", 2)


def test_a_proposal_stays_when_the_model_is_declared_again(catalog: Catalog) -> None:
    """What was inferred is kept beside what the user declares."""
    catalog.put_model(declared(), 1, declared=True)
    catalog.put_proposal("income", declared(task="binary"))
    catalog.put_model(declared(groups=["SEX"]), 2, declared=True)
    entry = catalog.model("income")
    assert entry is not None
    assert entry.proposal == declared(task="binary")


def test_a_proposal_that_no_declaration_may_be_stops_no_model(catalog: Catalog) -> None:
    """It was learned from rows: a bound that is refused, by this release or the next, must not hide every model."""
    catalog.put_model(declared(), 1, declared=True)
    refused = replace(declared(), schema={"AGEP": ColumnRule("number", minimum=-1.7e308)})
    catalog.put_proposal("income", refused)
    (entry,) = catalog.models()
    assert (entry.declaration, entry.proposal) == (declared(), None)


def test_a_proposal_for_an_unknown_model_is_refused(catalog: Catalog) -> None:
    """A proposal needs the model it is for."""
    with pytest.raises(NotFound, match="income"):
        catalog.put_proposal("income", declared())


def test_models_are_listed_by_name(catalog: Catalog) -> None:
    """The list ascends by name, whatever the order of declaration."""
    for name in ("b", "a", "C"):
        catalog.put_model(declared(name), 1, declared=True)
    assert [entry.name for entry in catalog.models()] == ["C", "a", "b"]


def test_the_newest_baseline_is_in_force(catalog: Catalog) -> None:
    """A baseline set again after another one is in force again."""
    first = BaselineEntry("aa", "income", 10, "baselines/income/aa.parquet", 1, b"\x00profile")
    second = replace(first, id="bb", created_ns=2)
    catalog.put_baseline(first)
    catalog.put_baseline(second)
    assert catalog.baseline("income") == second
    catalog.put_baseline(replace(first, created_ns=3))
    assert catalog.baseline("income") == replace(first, created_ns=3)


def test_baselines_in_force_are_named_without_their_profiles(catalog: Catalog) -> None:
    """Of each model that has one; set again, an older one is in force again."""
    for name in ("first", "second"):
        catalog.put_model(MonitoredModel(name), 1, declared=True)
    entries = [BaselineEntry(f"b{i}", "first", 10, "p", 1, b"profile") for i in range(2)]
    for entry in (*entries, entries[0]):
        catalog.put_baseline(entry)
    assert catalog.baselines() == {"first": "b0"}
