"""Energy and cost of windows, from what sidecars sampled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.records.types import Batch, GpuSample, ServerSample, TelemetrySample
from monitor.catalog import open_catalog
from monitor.definitions import Cost, MonitoredModel
from monitor.findings import Span, Status
from monitor.jobs.accept_records import accept_batches
from monitor.jobs.efficiency import efficiency_of, gauges
from monitor.ports import Arrival, BatchKey, Catalog, WindowEntry
from monitor.query.efficiency import efficiency_item
from monitor.segments.local_store import LocalSegmentStore

SECOND = 10**9
MODEL = MonitoredModel("m", cost=Cost(per_kwh=0.36, per_gpu_hour=3.6, currency="EUR"))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    opened.put_model(MODEL, 0, declared=True)
    yield opened
    opened.close()


def window(start: int, end: int, version: str = "1") -> WindowEntry:
    return WindowEntry("m", version, "5m", Span(start * SECOND, end * SECOND), 0, Status.OK, 100, 99)


def samples(start: int, *, tenants: int = 1) -> tuple[TelemetrySample, ...]:
    span = {"start_ns": start * SECOND, "end_ns": (start + 10) * SECOND}
    return (
        GpuSample(**span, device="GPU-a", energy_joules=1000.0, tenants=tenants),
        ServerSample(**span, server="triton", address="h:8002", model="m", version="1", requests=1, inferences=10),
    )


def accept(catalog: Catalog, sequence: int, *told: TelemetrySample, sidecar: str = "s") -> None:
    assert catalog.accept([Arrival(BatchKey(sidecar, sequence), telemetry=told)], [], sequence)


def test_a_window_has_what_was_sampled_in_its_span(catalog: Catalog) -> None:
    """With its energy, its price and that of each prediction."""
    for i in range(4):
        accept(catalog, i + 1, *samples(10 * i))
    (found, later) = efficiency_of(catalog, [window(0, 30), window(30, 60)])
    assert (found.joules, found.predictions, later.joules) == (3000.0, 30, 1000.0)
    item = efficiency_item(MODEL, window(0, 30), found)
    assert (item["state"], item["joules_per_prediction"], item["gpu_seconds"]) == ("known", 100.0, 30.0)
    # 3,000 J are 1/1200 kWh, and 30 s are 1/120 of an hour.
    assert item["cost"] == pytest.approx(0.36 / 1200 + 3.6 / 120)
    assert (item["cost_per_prediction"], item["currency"]) == (pytest.approx(item["cost"] / 30), "EUR")


def test_samples_come_in_a_sidecars_batches(catalog: Catalog, tmp_path: Path) -> None:
    """Once, however often the batch is delivered; and name no model by themselves."""
    batch = Batch(sidecar="s", sequence=1, records=samples(0))
    store = LocalSegmentStore(tmp_path / "segments")
    assert [accept_batches([batch], catalog, store, SECOND)[0].known for _ in range(2)] == [False, True]
    assert efficiency_of(catalog, [window(0, 30)])[0].joules == 1000.0


def test_what_is_unknown_is_null(catalog: Catalog) -> None:
    """With its reason, and never 0."""
    accept(catalog, 1, *samples(0, tenants=2))
    (found,) = efficiency_of(catalog, [window(0, 30)])
    item = efficiency_item(MODEL, window(0, 30), found)
    assert (item["state"], item["reason"]) == ("unknown", "shared_by_processes")
    assert {item[k] for k in ("joules", "gpu_seconds", "cost", "cost_per_prediction", "joules_per_prediction")} == {
        None
    }
    assert item["server"]["requests"] == 1


def test_a_window_that_is_known_in_part_says_so(catalog: Catalog) -> None:
    """How long, and why not longer."""
    accept(catalog, 1, *samples(0), *samples(10, tenants=2))
    item = efficiency_item(MODEL, window(0, 30), efficiency_of(catalog, [window(0, 30)])[0])
    assert (item["state"], item["known_seconds"], item["unknown_seconds"]) == (
        "partly",
        10.0,
        {"shared_by_processes": 10.0},
    )


def test_another_sidecar_on_the_same_device_is_seen(catalog: Catalog) -> None:
    """Although it never carried this model."""
    accept(catalog, 1, *samples(0))
    accept(catalog, 1, samples(0)[0], sidecar="other")
    assert efficiency_of(catalog, [window(0, 30)])[0].reason == "several_sidecars"


def test_gauges_are_of_what_is_known(catalog: Catalog) -> None:
    """Nothing without telemetry; a share of 0 and no energy where all of it is unknown."""
    assert gauges(catalog, window(0, 30)) == {}
    accept(catalog, 1, *samples(0, tenants=2))
    assert gauges(catalog, window(0, 10)) == {"outrider_energy_known_ratio": 0.0}
    accept(catalog, 2, *samples(10))
    shown = gauges(catalog, window(10, 20))
    assert shown["outrider_energy_joules_per_prediction"] == 100.0
    assert shown["outrider_cost_per_prediction"] == pytest.approx((0.0001 + 0.01) / 10)


def test_old_samples_are_forgotten(catalog: Catalog) -> None:
    """With the rest of the bookkeeping."""
    accept(catalog, 1, *samples(0))
    catalog.expire(20 * SECOND, alerts_before_ns=0, exporters=())
    assert catalog.telemetry("m", 0, 100 * SECOND) == []
