"""vLLM's metrics page: requests and tokens of each served name. Pure.

Requests run at the same time, so the sum of their times is not the device's busy time, which vLLM does not tell.
"""

from collections import defaultdict
from collections.abc import Sequence

from collectors.gpu.exposition import Sample, total
from collectors.gpu.readings import DeviceReading, ServerReading

PREFIXES = ("vllm:",)

FAILED = ("error",)
"""Reasons for which a request ended that are the server's failure; an abort is the client's."""


def read_servers(samples: Sequence[Sample], address: str) -> list[ServerReading]:
    """One reading for each served name, its engines together; counters with and without `_total`."""
    models: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        if sample.labels.get("model_name"):
            models[sample.labels["model_name"]][sample.name.removesuffix("_total")].append(sample)
    return [
        ServerReading(
            server="vllm",
            address=address,
            model=model,
            requests=total(s for s in ended if s.labels.get("finished_reason") not in FAILED) or 0.0,
            failed=total(s for s in ended if s.labels.get("finished_reason") in FAILED) or 0.0,
            inferences=total(ended),
            queue_seconds=total(found.get("vllm:request_queue_time_seconds_sum", ())),
            tokens_in=total(found.get("vllm:prompt_tokens", ())),
            tokens_out=total(found.get("vllm:generation_tokens", ())),
        )
        for model, found in models.items()
        if (ended := found.get("vllm:request_success"))
    ]


def read_devices(samples: Sequence[Sample]) -> list[DeviceReading]:
    """None: vLLM says nothing of its devices."""
    return []
