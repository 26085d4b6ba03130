"""SageMaker's capture lines, as its notebooks print them."""

import base64
import json
import random
import re
from pathlib import Path, PurePath
from typing import Any

import pytest

from collectors.decoders.identity import DEFAULT_IDS
from collectors.intake.sagemaker import Captured, NotACapture, exchange_name, names_of, read_line
from collectors.pipeline import Pipeline
from collectors.records.packing import unpack
from collectors.records.types import Ledger, Prediction, Record
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy

NOW_NS = 10**18


def records(captured: Captured) -> list[Record]:
    pipeline = Pipeline("car", RedactionPolicy(), SamplingPolicy(), DEFAULT_IDS)
    pipeline.observed(captured.exchange, captured.found, captured.provenance)
    return pipeline.take()[0]


def prediction(line: dict[str, Any]) -> Prediction:
    (found,) = [
        r for r in records(read_line(json.dumps(line).encode(), "churn", "v", NOW_NS)) if isinstance(r, Prediction)
    ]
    return found


def line(asked: str, answered: str, encoding: str = "CSV", **metadata: str) -> dict[str, Any]:
    side = {"observedContentType": "text/csv", "encoding": encoding}
    data = {
        "endpointInput": side | {"mode": "INPUT", "data": asked},
        "endpointOutput": side | {"mode": "OUTPUT", "data": answered},
    }
    return {"captureData": data, "eventMetadata": {"eventId": "e"} | metadata, "eventVersion": "0"}


def test_a_csv_capture_is_a_prediction() -> None:
    """With the event's id and time."""
    found = prediction(line("1,2.5\n3,4.5", "0.25\n0.75", inferenceTime="2022-04-18T00:21:48Z"))
    assert (found.model, found.version, found.rows, found.captured_by) == ("churn", "v", 2, "file")
    assert (found.id, found.id_source, found.time_ns) == ("e", "body", 1_650_241_308 * 10**9)
    assert list(unpack(found.outputs[0].data, found.outputs[0].datatype)) == [0.25, 0.75]


def test_an_exchange_is_named_by_what_it_is_and_not_by_where_it_was_read() -> None:
    """So a monitor knows it again: the event of the model and version, in the form that it takes once."""
    name = prediction(line("1,2", "0.5")).exchange
    assert re.fullmatch("file-[0-9a-f]{16}", name)
    assert name == prediction(line("1,2", "0.5", inferenceId="42")).exchange
    others = {prediction(line("1,2", "0.5", eventId="other")).exchange, exchange_name("churn", "w", "e")}
    assert len({name, *others, exchange_name("m", "v", "e")}) == 4


def test_the_inference_id_goes_before_the_events() -> None:
    """Ground truth is joined by it."""
    assert prediction(line("1,2", "0.5", inferenceId="42")).id == "42"


def test_base64_is_decoded() -> None:
    """It is the encoding of everything that is not listed as CSV or JSON."""
    coded = [base64.b64encode(each).decode() for each in (b"1,2", b"0.5")]
    assert prediction(line(*coded, encoding="BASE64")).rows == 1


def test_answers_on_one_line_are_a_column() -> None:
    """As some containers answer several rows."""
    assert prediction(line("1,2\n3,4\n5,6", "0.1,0.2,0.3")).outputs[0].shape == (3,)


def test_a_capture_of_the_input_only_is_told_so() -> None:
    """Endpoints may be set to capture one side."""
    half = line("1,2", "")
    del half["captureData"]["endpointOutput"]
    (ledger,) = records(read_line(json.dumps(half).encode(), "churn", "", NOW_NS))
    assert isinstance(ledger, Ledger) and dict(ledger.undecodable) == {"no_response": 1}


def test_names_come_from_the_layout() -> None:
    """Or not at all."""
    assert names_of(PurePath("a/churn/AllTraffic/2022/04/18/00/1.jsonl")) == ("churn", "AllTraffic")
    assert names_of(PurePath("a/b.jsonl")) is None


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"captureData": {}, "eventMetadata": {}}', b"[" * 100_000])
def test_what_is_no_capture_is_refused(text: bytes) -> None:
    """With what was expected."""
    with pytest.raises(NotACapture, match="expected"):
        read_line(text, "m", "", NOW_NS)


def test_any_line_is_a_capture_or_refused() -> None:
    """Cut and replaced; and each capture has one outcome."""
    rng = random.Random(6)
    whole = json.dumps(line("1,2\n3,4", "0.5\n0.7", inferenceTime="2022-04-18T00:21:48Z")).encode()
    for _ in range(2_000):
        text = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            text[rng.randrange(len(text))] = rng.randrange(256)
        try:
            captured = read_line(bytes(text[: rng.randrange(len(text) // 2, len(text) + 1)]), "m", "", NOW_NS)
        except NotACapture:
            continue
        assert sum(r.seen for r in records(captured) if isinstance(r, Ledger)) == 1


@pytest.mark.data
def test_the_records_of_the_notebooks_are_read(shared_data: Path) -> None:
    """Endpoint and batch transform, CSV, JSON and JSON lines: each is a prediction with as many rows as answers."""
    read = 0
    for text in (shared_data / "sagemaker_capture/capture_records.jsonl").read_text("utf-8").splitlines():
        found = prediction(json.loads(text)["record"])
        assert found.outputs and found.rows == found.outputs[0].shape[0] and found.inputs
        read += 1
    assert read == 10
