"""llama.cpp's OpenAI-compatible server and the `openai` client: what is recorded equals what the client was told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.records.packing import unpack
from collectors.records.types import Prediction, Tensor
from tests.system.services.environment import makeable, run_script
from tests.system.services.llama import MODEL, running_llama
from tests.system.services.outrider import run
from tests.system.services.tapped import read_documents, tapped

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not makeable(), reason="needs Debian's Python: apt-get install python3 python3-venv"),
]

TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")
WHOLE_TEXTS = {"payload_text": True, "redaction_text_chars_max": 0}
TEXTS = ["hello world", "the drift"]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_llama(tmp_path_factory.mktemp("llama")) as address:
        yield address


def only(tensors: Sequence[Tensor], name: str) -> Any:
    """The first value of a column; None where it is missing, or there is no such column."""
    found = next((tensor for tensor in tensors if tensor.name == name), None)
    if found is None or 0 in found.missing:
        return None
    return found.items[0] if found.datatype == "BYTES" else unpack(found.data, found.datatype)[0]


def assert_as_told(prediction: Prediction, said: dict[str, Any]) -> None:
    """Model, id, text, finish reason and usage of one generation are those that the client was given."""
    outputs = prediction.outputs
    assert (prediction.model, prediction.id, prediction.status) == (MODEL, said["id"], 200)
    assert only(outputs, "completion") == said["text"]
    assert only(outputs, "completion_chars") == len(said["text"])
    assert only(outputs, "finish_reason") == said["finish"]
    assert [only(outputs, name) for name in TOKENS] == (said["usage"] or [None] * 3)
    assert bool(only(prediction.inputs, "stream")) is said["stream"]
    if said["stream"]:
        first = only(outputs, "first_token_ms")
        assert only(outputs, "pieces") == said["pieces"]
        assert only(outputs, "aborted") == 0
        assert prediction.duration_ns is not None
        assert first is None or 0 < first <= prediction.duration_ns / 1e6
        assert (first is not None) == (said["pieces"] > 0)


def test_records_are_what_the_client_was_told(llama: str, tmp_path: Path) -> None:
    """Chat, completions, responses and embeddings, whole and streamed; and a prompt that is too long."""
    with tapped(tmp_path, llama, WHOLE_TEXTS) as tap:
        said = read_documents(run_script("llama", "openai_client", tap.address, "all"))
        found = tap.all_captured(len(said))
    for prediction, each in zip(found, said, strict=True):
        if each["api"] == "embedding":
            assert_embedded(prediction, each)
        elif "error" in each:
            assert (prediction.status, prediction.error, prediction.outputs) == (each["status"], each["error"], ())
        else:
            assert_as_told(prediction, each)


def assert_embedded(prediction: Prediction, said: dict[str, Any]) -> None:
    """A vector and a row each text."""
    (vectors,) = (tensor for tensor in prediction.outputs if tensor.name == "embedding")
    assert prediction.rows == len(TEXTS) == vectors.shape[0]
    found = np.frombuffer(vectors.data, np.float32).reshape(vectors.shape)
    assert np.array_equal(found, np.array(said["vectors"], np.float32))
    assert only(prediction.outputs, "prompt_tokens") == said["prompt_tokens"]


def test_texts_are_not_kept_unless_they_are_asked_for(llama: str, tmp_path: Path) -> None:
    """Without the setting a record has their lengths only."""
    with tapped(tmp_path, llama) as tap:
        run_script("llama", "openai_client", tap.address, "all")
        stored = b"".join(repr(each).encode() for each in tap.wait_for(10))
    assert b"drift" not in stored
    assert b"completion_chars" in stored


def test_a_client_that_goes_away_leaves_an_aborted_record(llama: str, tmp_path: Path) -> None:
    """What it was sent before is kept, and nothing more is made up."""
    with tapped(tmp_path, llama, WHOLE_TEXTS) as tap:
        (said,) = read_documents(run_script("llama", "openai_client", tap.address, "leave"))
        (found,) = tap.wait_for(1)
    assert only(found.outputs, "aborted") == 1
    assert only(found.outputs, "completion").startswith(said["left"])
    assert only(found.outputs, "finish_reason") is None


def test_doctor_finds_it_and_shows_a_record(llama: str) -> None:
    """A short chat, made up; its texts are not shown."""
    found = json.loads(run("doctor", "--upstream", llama, "--probe", MODEL, "--json"))
    (server,) = found["servers"]
    assert (server["speaks"], server["models"], server["captured"]) == ("OpenAI API", [MODEL], True)
    record = found["probe"]["record"]
    assert (record["model"], record["rows"], record["status"]) == (MODEL, 1, 200)
    assert {"completion_tokens", "finish_reason"} <= {tensor["name"] for tensor in record["outputs"]}
