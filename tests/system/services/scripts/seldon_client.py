"""Run in Seldon's environment: inferences with its own client. seldon_client http|grpc ADDRESS"""

import sys

import grpc
import numpy as np
import requests
from google.protobuf import json_format
from saying import say, told
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc
from seldon_core.seldon_client import SeldonClient

NUMBERS = np.array([[0.5, -2.25], [3.0, 4.5]])
NAMES = ["age", "income"]
MODEL = "income"


def column(values):
    return told(np.array(values, np.object_ if isinstance(values[0], str) else None))


def columns(names, matrix):
    return {name: told(matrix[:, i]) for i, name in enumerate(names)}


def payloads():
    """What is sent, the columns that it is, and what the model makes of them."""
    doubled = columns(["low", "high"], NUMBERS * 2)
    for kind in ("tensor", "ndarray"):
        yield {"data": NUMBERS, "payload_type": kind, "names": NAMES}, columns(NAMES, NUMBERS), doubled
    yield {"data": NUMBERS, "payload_type": "ndarray"}, {"input": told(NUMBERS)}, doubled
    yield {"str_data": "Zürich"}, {"input": column(["Zürich"])}, {"output": column(["ZÜRICH"])}
    asked = {"age": 41.5, "town": "Ulm"}
    told_of = {"age": column([41.5]), "town": column(["Ulm"])}
    answered = {"of.age": column([41.5]), "of.town": column(["Ulm"]), "score": column([0.25])}
    yield {"json_data": asked}, told_of, answered


def opaque(content):
    return {"input": told(np.array([content], np.object_))}, {"output": told(np.array([content[::-1]], np.object_))}


def main(transport, address):
    client = SeldonClient(
        gateway="seldon", gateway_endpoint=address, transport={"http": "rest"}.get(transport, transport), namespace="ns"
    )
    for payload, asked, answered in payloads():
        answer = client.predict(client_return_type="dict", **payload)
        assert answer.success, answer
        say(MODEL, asked, in_order(answered, answer.response), rows=rows_of(payload))
    content = b"\x00\xffbinary"
    asked, answered = opaque(content)
    answer = client.predict(client_return_type="proto", bin_data=content)
    assert answer.success, answer
    assert answer.response.binData == content[::-1]
    say(MODEL, asked, answered, rows=1)
    {"http": refused_over_http, "grpc": refused_over_grpc}[transport](address)


def in_order(expected, response):
    """What is expected, where the answer has it."""
    data = response.get("data")
    if data:
        values = data["ndarray"] if "ndarray" in data else data["tensor"]["values"]
        matrix = np.array(values).reshape(NUMBERS.shape)
        assert columns(data["names"], matrix) == expected
    elif "strData" in response:
        assert {"output": column([response["strData"]])} == expected
    else:
        assert response["jsonData"]["score"] == 0.25
    return expected


def rows_of(payload):
    return len(payload["data"]) if "data" in payload else 1


WORDS = {"data": {"names": ["town"], "ndarray": [["Ulm"]]}, "meta": {"puid": "mine"}}


def refused_over_http(address):
    unnamed = {"data": {"ndarray": [["Ulm"]]}}
    for model, prefix, document, inputs in (
        # The wrapper stands behind no ingress; it refuses a path that only an ingress has.
        ("city", "/seldon/ns/city", WORDS, {"town": column(["Ulm"])}),
        (MODEL, "", WORDS, {"town": column(["Ulm"])}),
        (MODEL, "", unnamed, {"input": told(np.array([["Ulm"]], np.object_))}),
    ):
        answer = requests.post(f"http://{address}{prefix}/api/v1.0/predictions", json=document, timeout=30)
        said = {"status": answer.status_code, "error": answer.json()["status"]["info"], "rows": 1}
        say(model, inputs, {}, id=document.get("meta", {}).get("puid"), **said)


def refused_over_grpc(address):
    request = json_format.ParseDict(WORDS, prediction_pb2.SeldonMessage())
    with grpc.insecure_channel(address) as channel:
        for stub in (prediction_pb2_grpc.SeldonStub(channel), prediction_pb2_grpc.ModelStub(channel)):
            try:
                stub.Predict(request, metadata=(("seldon", "another"), ("namespace", "ns")))
            except grpc.RpcError as error:
                said = {"status": error.code().name, "error": error.details(), "id": "mine", "rows": 1}
                say("another", {"town": column(["Ulm"])}, {}, **said)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
