"""Bodies that serving projects and recorders of language models test themselves with: read, or refused with a reason."""

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from collectors.decoders.decoder import Undecodable
from tests.collectors.decoders.exchanges import columns, decode, sse

pytestmark = pytest.mark.data

PREDICTIONS = {"predictions": [0.5]}


def members(archive_path: Path) -> dict[str, bytes]:
    """The files of an archive by their path in it."""
    with tarfile.open(archive_path) as archive:
        return {m.name: f.read() for m in archive if (f := archive.extractfile(m)) is not None}


@pytest.fixture(scope="module")
def kserve(shared_data: Path) -> dict[str, bytes]:
    return members(shared_data / "oip_kserve_samples" / "kserve_e2e_inputs.tar.gz")


@pytest.fixture(scope="module")
def streams(shared_data: Path) -> dict[str, bytes]:
    return members(shared_data / "llm_stream_fixtures" / "vercel_ai_fixtures.tar.gz")


@pytest.fixture(scope="module")
def cassettes(shared_data: Path) -> dict[str, list[dict[str, Any]]]:
    found = members(shared_data / "llm_stream_fixtures" / "otel_openai_cassettes.tar.gz")
    return {name: yaml.safe_load(text)["interactions"] for name, text in found.items()}


def test_every_v1_request_of_kserve_is_read(kserve: dict[str, bytes]) -> None:
    """Rows of numbers, texts, objects, images in base64."""
    read = {}
    for name, body in kserve.items():
        request = json.loads(body)
        if isinstance(request, dict) and "instances" in request:
            decoded = decode("/v1/models/m:predict", body, PREDICTIONS)
            assert decoded.rows == len(request["instances"]), name
            assert decoded.inputs, name
            read[Path(name).name] = decoded
    assert len(read) >= 15
    assert columns(read["autogluon_titanic_input.json"].inputs)["input_3"] == ["male", "female"]
    assert read["iris_input.json"].inputs[0].shape == (2, 4)
    (image,) = read["image.json"].inputs[0].items
    assert image[:4] == b"\x89PNG"


def test_everything_else_of_kserve_is_read_or_refused(kserve: dict[str, bytes]) -> None:
    """By every decoder: none of them raises anything else."""
    for body in kserve.values():
        for target in (
            "/v1/models/m:predict",
            "/predictions/m",
            "/invocations",
            "/api/v1.0/predictions",
            "/v1/responses",
        ):
            try:
                assert decode(target, body, PREDICTIONS).rows >= 0
            except Undecodable as error:
                assert error.where.startswith(("request", "response"))


def test_every_captured_record_of_sagemaker_is_read(shared_data: Path) -> None:
    """CSV, JSON and JSON lines, each with the type it was observed with."""
    read = 0
    for line in (shared_data / "sagemaker_capture" / "capture_records.jsonl").read_text().splitlines():
        capture = json.loads(line)["record"].get("captureData", {})
        if "endpointInput" not in capture or "endpointOutput" not in capture:
            continue
        sent, answered = capture["endpointInput"], capture["endpointOutput"]
        decoded = decode(
            "/invocations",
            sent["data"],
            answered["data"],
            request_headers={"content-type": sent["observedContentType"]},
            response_headers={"content-type": answered["observedContentType"]},
        )
        assert decoded.rows == decoded.inputs[0].shape[0] == decoded.outputs[0].shape[0] >= 1
        read += 1
    assert read >= 3


@pytest.mark.parametrize(
    ("name", "content_type", "rows", "named"),
    [
        ("test-dataset-input-cols.csv.gz", "text/csv", 334, "input"),
        ("training-dataset-with-header.csv.gz", "text/csv", 2333, "Churn"),
        ("validation.csv.gz", "text/csv", 666, "input"),
        ("test-dataset.jsonl.gz", "application/jsonlines", None, "features"),
        ("validation-dataset.jsonl.gz", "application/jsonlines", None, None),
        ("questions.jsonl.gz", "application/jsonlines", None, "role"),
    ],
)
def test_every_data_set_of_sagemaker_is_a_request(
    shared_data: Path, name: str, content_type: str, rows: int | None, named: str | None
) -> None:
    """Whole files, as batch transform sends them."""
    body = gzip.decompress((shared_data / "sagemaker_capture" / name).read_bytes())
    decoded = decode("/invocations", body, b"0.5", request_headers={"content-type": content_type})
    lines = len(body.splitlines())
    assert decoded.rows in ((rows,) if rows else (lines,)), (decoded.rows, lines)
    if named:
        assert decoded.inputs[0].name == named


ASK: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True},
    "/v1/completions": {"model": "m", "prompt": "hi", "stream": True},
    "/v1/responses": {"model": "m", "input": "hi", "stream": True},
}


def payloads_of(stream: bytes) -> list[dict[str, Any]]:
    """The payloads of a recording, one after the other; some are written over several lines, one is no JSON."""
    text, at, found = stream.decode().strip(), 0, []
    while at < len(text):
        try:
            payload, at = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            return []
        found.append(payload)
        while text[at : at + 1].isspace():
            at += 1
    return found


def target_of(payload: dict[str, Any]) -> str | None:
    kind = str(payload.get("object", payload.get("type", "")))
    if kind.startswith("chat.completion"):
        return "/v1/chat/completions"
    if kind.startswith("text_completion"):
        return "/v1/completions"
    return "/v1/responses" if kind.startswith("response") else None


def test_every_recorded_stream_is_joined(streams: dict[str, bytes]) -> None:
    """Each ends for a reason; joining its pieces gives the texts that a plain joining gives."""
    joined = 0
    for name, stream in streams.items():
        if not name.endswith(".chunks.txt"):
            continue
        payloads = payloads_of(stream)
        target = target_of(payloads[0]) if payloads else None
        if target is None:
            continue
        decoded = decode(target, ASK[target], sse(*payloads))
        found = columns(decoded.outputs)
        assert found["finish_reason"] != [None], name
        assert found["aborted"] == [False], name
        if target == "/v1/chat/completions" and "mistral" not in name:
            deltas = [choice["delta"] for payload in payloads for choice in payload["choices"]]
            assert found["completion_chars"] == [sum(len(d.get("content") or "") for d in deltas)], name
            called = {t["index"] for d in deltas for t in d.get("tool_calls") or () if "index" in t}
            assert found["tool_calls"][0] >= len(called), name
        joined += 1
    assert joined >= 60


def test_pieces_of_a_response_say_what_its_end_says(streams: dict[str, bytes]) -> None:
    """The end is the record; without it the pieces give the same words."""
    compared = 0
    for name, stream in streams.items():
        payloads = payloads_of(stream) if name.endswith(".chunks.txt") else []
        kinds = [payload.get("type") for payload in payloads]
        if "response.output_text.delta" not in kinds or kinds.index("response.completed") != len(kinds) - 1:
            continue
        said = {
            kind: sum(len(p[key]) for p in payloads if p.get("type") == f"response.output_text.{kind}")
            for kind, key in (("delta", "delta"), ("done", "text"))
        }
        if said["delta"] != said["done"]:
            continue  # a recording that was cut short by hand
        whole, cut = (
            columns(decode("/v1/responses", ASK["/v1/responses"], sse(*part)).outputs)
            for part in (payloads, payloads[:-1])
        )
        assert cut["completion_chars"] == whole["completion_chars"], name
        assert (whole["aborted"], cut["aborted"]) == ([False], [True]), name
        compared += 1
    assert compared >= 20


def test_every_plain_answer_is_read(streams: dict[str, bytes]) -> None:
    """Of every provider that speaks the API."""
    read = 0
    for name, body in streams.items():
        payload = json.loads(body) if name.endswith(".json") else {}
        target = target_of(payload) if isinstance(payload, dict) else None
        if target is None:
            continue
        found = columns(decode(target, ASK[target], body).outputs)
        assert found["finish_reason"] != [None], name
        usage = payload.get("usage") or {}
        prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
        assert found.get("prompt_tokens", [None]) == [prompt], name
        read += 1
    assert read >= 50


def test_every_cassette_is_read(cassettes: dict[str, list[dict[str, Any]]]) -> None:
    """Requests and answers as they crossed the wire, with errors, choices, tools and usage."""
    read = errors = streamed = 0
    for name, interactions in cassettes.items():
        for interaction in interactions:
            sent, answered = interaction["request"], interaction["response"]
            decoded = decode(
                "/" + sent["uri"].split("/", 3)[3],
                sent["body"],
                answered["body"]["string"],
                status=answered["status"]["code"],
            )
            request = json.loads(sent["body"])
            assert decoded.model == request["model"], name
            assert (decoded.error is None) == (answered["status"]["code"] == 200), name
            errors += decoded.error is not None
            streamed += "aborted" in columns(decoded.outputs)
            read += 1
            if request.get("n"):
                assert decoded.rows == (request["n"] if decoded.error is None else 1), name
    assert read >= 69
    assert errors >= 4
    assert streamed >= 15
