"""Metrics pages of Triton, vLLM and DCGM's exporter, as they come and as they are broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collectors.gpu.dcgm import FIELDS
from collectors.gpu.exposition import LINE_CHARS_MAX, MalformedPage, samples_of
from collectors.gpu.intervals import samples_between
from collectors.gpu.pages import READINGS_MAX, read_page
from collectors.gpu.readings import Look
from collectors.records.encoding import encode_batch
from collectors.records.types import Batch

TRITON = """# HELP nv_inference_request_success Number of successful inference requests, all batch sizes
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="echo",version="1"} 3
nv_inference_request_success{model="count",version="1"} 0
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="echo",reason="REJECTED",version="1"} 1
nv_inference_request_failure{model="echo",reason="OTHER",version="1"} 2
# TYPE nv_inference_count counter
nv_inference_count{model="echo",version="1"} 24
nv_inference_queue_duration_us{model="echo",version="1"} 500000
nv_inference_compute_input_duration_us{model="echo",version="1"} 100000
nv_inference_compute_infer_duration_us{model="echo",version="1"} 1800000
nv_inference_compute_output_duration_us{model="echo",version="1"} 100000
nv_gpu_utilization{gpu_uuid="GPU-a"} 0.5
nv_gpu_power_usage{gpu_uuid="GPU-a"} 120.5
nv_energy_consumption{gpu_uuid="GPU-a"} 5000.25
nv_gpu_memory_used_bytes{gpu_uuid="GPU-a"} 1048576
nv_cpu_utilization 0.1
"""

VLLM = """# TYPE vllm:request_success_total counter
vllm:request_success_total{engine="0",finished_reason="stop",model_name="qwen"} 4.0
vllm:request_success_total{engine="1",finished_reason="length",model_name="qwen"} 1.0
vllm:request_success_total{engine="0",finished_reason="error",model_name="qwen"} 2.0
vllm:prompt_tokens_total{engine="0",model_name="qwen"} 120.0
vllm:generation_tokens_total{engine="0",model_name="qwen"} 64.0
vllm:request_queue_time_seconds_sum{engine="0",model_name="qwen"} 0.5
vllm:num_requests_running{engine="0",model_name="qwen"} 1.0
"""

DCGM = """# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA T4",Hostname="h"} 99
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA T4",Hostname="h"} 70.5
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA T4",Hostname="h"} 9000
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA T4",Hostname="h"} 1024
DCGM_FI_DEV_FB_FREE{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA T4",Hostname="h"} 1024
DCGM_FI_DEV_XID_ERRORS{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA T4",Hostname="h"} 0
DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA T4",Hostname="h"} 9223372036854775794
"""


def test_triton_tells_models_and_devices() -> None:
    """Failures of all reasons, inferences of batches, computing in its three parts."""
    devices, servers = read_page(TRITON, "h:8002")
    echo = next(each for each in servers if each.model == "echo")
    assert (echo.version, echo.requests, echo.failed, echo.inferences) == ("1", 3, 3, 24)
    assert (echo.busy_seconds, echo.queue_seconds, echo.address) == (2.0, 0.5, "h:8002")
    assert [(d.device, d.utilization, d.power_watts, d.energy_joules) for d in devices] == [
        ("GPU-a", 0.5, 120.5, 5000.25)
    ]
    assert devices[0].memory_used_bytes == 1048576


def test_a_counter_that_is_not_there_is_unknown() -> None:
    """Not 0: a model without times cannot be told from one that did nothing."""
    count = next(each for each in read_page(TRITON, "h:8002")[1] if each.model == "count")
    assert (count.requests, count.inferences, count.busy_seconds) == (0, None, None)


@pytest.mark.parametrize("page", [VLLM, VLLM.replace("_total{", "{")])
def test_vllm_tells_requests_and_tokens(page: str) -> None:
    """Under either spelling of its counters, its engines together, and no busy time."""
    devices, (qwen,) = read_page(page, "h:8000")
    assert (qwen.model, qwen.requests, qwen.failed, qwen.inferences) == ("qwen", 5, 2, 7)
    assert (qwen.tokens_in, qwen.tokens_out, qwen.queue_seconds, qwen.busy_seconds) == (120, 64, 0.5, None)
    assert devices == []


def test_dcgm_tells_devices_and_leaves_out_what_is_no_value() -> None:
    """Millijoules and MiB become joules and bytes; the sentinel is unknown."""
    (found,), servers = read_page(DCGM, "h:9400")
    assert (found.utilization, found.power_watts, found.energy_joules, found.product) == (0.99, 70.5, 9.0, "NVIDIA T4")
    assert (found.memory_used_bytes, found.memory_total_bytes, found.xids) == (1 << 30, 2 << 30, ())
    assert (found.temperature_celsius, found.unknown["temperature_celsius"]) == (None, "no_value")
    assert (found.sm_clock_mhz, found.unknown["sm_clock_mhz"]) == (None, "not_exported")
    assert servers == []


def test_a_device_told_for_each_pod_is_one_device_of_several() -> None:
    """Time-slicing repeats the same number, which is no sum."""
    pods = "\n".join(
        f'DCGM_FI_DEV_GPU_UTIL{{UUID="GPU-a",namespace="n",pod="p{i}",container="c"}} 99' for i in range(4)
    )
    ((found,), _) = read_page(pods, "h:9400")
    assert (found.utilization, found.tenants) == (0.99, 4)


def test_a_device_that_is_cut_says_so() -> None:
    """Its parts have labels of their own, whichever case their names are in."""
    page = 'DCGM_FI_DEV_POWER_USAGE{UUID="GPU-a",GPU_I_PROFILE="1g.5gb",GPU_I_ID="13"} 70'
    assert read_page(page, "h:9400")[0][0].mig is True


@pytest.mark.parametrize(
    "page", ["", "<html>", "up 1\n", 'nv_inference_count{model="a} 1\n', "nv_energy_consumption x\n"]
)
def test_a_page_of_something_else_is_refused(page: str) -> None:
    """With a reason, and nothing else."""
    with pytest.raises(MalformedPage):
        read_page(page, "h:1")


@pytest.mark.parametrize("value", ["+Inf", "-1", "NaN", "1e308", "1e400", "-9223372036854775794"])
def test_a_value_that_cannot_be_is_unknown(value: str) -> None:
    """It would fit no record, and stop the worker that stores it."""
    echo = next(s for s in read_page(TRITON.replace("} 24", "} " + value), "h")[1] if s.model == "echo")
    assert echo.inferences is None
    assert read_page(DCGM.replace("} 1024", "} " + value), "h")[0][0].memory_used_bytes is None


def test_damaged_pages_are_read_or_refused() -> None:
    """Two thousand of them, cut and changed at random: whatever is read can be stored."""
    rng = np.random.default_rng(11)
    letters = list('{}"=,\\ \n#nv_vllm:DCGM_FI_0123456789.eE+-NaInf\0é')
    for _ in range(2_000):
        page = list([TRITON, VLLM, DCGM][rng.integers(3)])
        for _ in range(rng.integers(1, 8)):
            at, kind = rng.integers(len(page)), rng.integers(3)
            if kind == 0:
                page[at] = letters[rng.integers(len(letters))]
            elif kind == 1:
                del page[at : min(at + rng.integers(1, 20), len(page) - 1)]
            else:
                page[at:at] = letters[rng.integers(len(letters))] * int(rng.integers(1, 5))
        try:
            devices, servers = read_page("".join(page), "h")
        except MalformedPage:
            continue
        before = Look(time_ns=0, heard=frozenset({"h"}), devices=tuple(devices))
        now = Look(time_ns=10, heard=frozenset({"h"}), devices=tuple(devices), servers=tuple(servers))
        encode_batch(Batch(sidecar="s", sequence=1, records=tuple(samples_between(before, now))))


@pytest.mark.data
def test_dcgm_exports_what_we_read(shared_data: Path) -> None:
    """By its own list of what it exports where nobody says otherwise."""
    listed = (shared_data / "dcgm_counters" / "default-counters.csv").read_text().splitlines()
    exported = {line.split(",")[0].strip() for line in listed if line and not line.startswith("#")}
    assert set(FIELDS.values()) <= exported


def test_pages_are_bounded() -> None:
    """A line, and how many models one page may bring."""
    with pytest.raises(MalformedPage, match="characters"):
        samples_of('nv_x{a="' + "b" * LINE_CHARS_MAX + '"} 1', ("nv_",))
    many = "\n".join(f'nv_inference_request_success{{model="m{i}"}} 1' for i in range(READINGS_MAX + 1))
    with pytest.raises(MalformedPage, match="models and devices"):
        read_page(many, "h:1")
