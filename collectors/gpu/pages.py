"""Every kind of metrics page that we read, and one reading of a page: it may hold several kinds. Pure."""

from collectors.gpu import dcgm, triton, vllm
from collectors.gpu.exposition import MalformedPage, samples_of
from collectors.gpu.readings import DeviceReading, ServerReading

KINDS = (triton, vllm, dcgm)

NAME_CHARS_MAX = 256
"""Of a model or device: foreign text that becomes records."""

READINGS_MAX = 1_000
"""Models and devices of one page."""


def read_page(page: str, address: str) -> tuple[list[DeviceReading], list[ServerReading]]:
    """What a page tells of devices and models. Raises MalformedPage, also where it tells of neither."""
    samples = {kind: samples_of(page, kind.PREFIXES) for kind in KINDS}
    if not any(samples.values()):
        raise MalformedPage("no metrics of Triton, vLLM or DCGM")
    devices = [reading for kind in KINDS for reading in kind.read_devices(samples[kind])]
    servers = [reading for kind in KINDS for reading in kind.read_servers(samples[kind], address)]
    if len(devices) + len(servers) > READINGS_MAX:
        raise MalformedPage(f"{len(devices) + len(servers)} models and devices, expected at most {READINGS_MAX}")
    names = [*(d.device for d in devices), *(name for s in servers for name in (s.model, s.version))]
    if any(len(name) > NAME_CHARS_MAX for name in names):
        raise MalformedPage(f"a name of more than {NAME_CHARS_MAX} characters")
    return devices, servers
