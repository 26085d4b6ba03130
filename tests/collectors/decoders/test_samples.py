"""Requests and responses that KServe and MLServer test themselves with: each is read or refused with a reason."""

import json
import tarfile
from pathlib import Path

import pytest

from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.decoders.open_inference import OpenInference
from collectors.protocols import Exchange

pytestmark = pytest.mark.data

ANSWER = b'{"model_name": "m", "outputs": []}'


@pytest.fixture(scope="module")
def samples(shared_data: Path) -> dict[str, bytes]:
    found = {}
    for archive_path in sorted((shared_data / "oip_kserve_samples").glob("*.tar.gz")):
        with tarfile.open(archive_path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    found[Path(member.name).name + f" in {archive_path.stem}"] = content.read()
    return found


def outcome(request: bytes, response: bytes = ANSWER) -> Decoded | str:
    exchange = Exchange(
        method="POST",
        target="/v2/models/m/infer",
        request_headers={},
        response_headers={},
        request_body=request,
        response_body=response,
        status=200,
        start_ns=1,
        end_ns=2,
    )
    try:
        return OpenInference().decode(exchange, Call("m"))
    except Undecodable as error:
        return error.reason


def test_every_request_with_data_is_read(samples: dict[str, bytes]) -> None:
    """All that are bodies of this protocol: objects with `inputs` that carry data."""
    read = 0
    for name, body in samples.items():
        decoded = outcome(body)
        if _is_request(body) and "invalid" not in name:
            assert isinstance(decoded, Decoded), f"{name}: {decoded}"
            assert decoded.inputs, name
            read += 1
    assert read >= 20


def test_everything_else_is_refused_with_a_reason(samples: dict[str, bytes]) -> None:
    """Other protocols, batch files, gRPC bodies, invalid cases."""
    reasons = {name: outcome(body) for name, body in samples.items() if not _is_request(body) or "invalid" in name}
    assert len(reasons) >= 30
    assert {name: reason for name, reason in reasons.items() if not isinstance(reason, str)} == {}
    assert reasons["inference-request-invalid-datatype.json in mlserver_v2_samples.tar"] == "datatype_unknown"


def test_the_response_is_read(samples: dict[str, bytes]) -> None:
    """MLServer's own example."""
    request = samples["inference-request.json in mlserver_v2_samples.tar"]
    decoded = outcome(request, samples["inference-response.json in mlserver_v2_samples.tar"])
    assert isinstance(decoded, Decoded)
    assert (decoded.id, decoded.outputs[0].shape) == ("123", (1,))


def _is_request(body: bytes) -> bool:
    try:
        inputs = json.loads(body)["inputs"]
        return all("data" in tensor and "shape" in tensor for tensor in inputs)
    except (ValueError, KeyError, TypeError):
        return False
