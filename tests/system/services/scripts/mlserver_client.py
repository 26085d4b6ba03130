"""Run in MLServer's environment: inferences with its codecs and its generated stubs. mlserver_client http|grpc ADDRESS"""

import json
import sys
import urllib.error
import urllib.request

import grpc
import numpy as np
import pandas as pd
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec
from mlserver.grpc import dataplane_pb2, dataplane_pb2_grpc
from mlserver.grpc.converters import ModelInferRequestConverter, ModelInferResponseConverter
from mlserver.types import InferenceRequest, InferenceResponse
from saying import say, told

NUMBERS = np.array([[0.5, -2.25], [3.0, 4.0]])
FRAME = pd.DataFrame({"age": [41, 17], "income": [1.5, 2.5], "town": ["Ulm", "Aix"]})
TEXT = "no drift today"
KINDS = {
    "FP64": np.float64,
    "FP32": np.float32,
    "INT64": np.int64,
    "INT32": np.int32,
    "UINT8": np.uint8,
    "BOOL": np.bool_,
}


def array(tensor):
    """A tensor of MLServer's types as an array of its own datatype and shape."""
    values = getattr(tensor.data, "root", tensor.data)
    kind = KINDS.get(tensor.datatype, np.object_)
    return np.array(list(values), kind).reshape(tensor.shape)


def tensors(listed):
    return {each.name: told(array(each)) for each in listed}


def requests():
    single = NumpyRequestCodec.encode_request(NUMBERS)
    yield "numbers", single
    yield "frame", PandasCodec.encode_request(FRAME)
    kinds = [
        NumpyCodec.encode_input("ints", np.array([[1], [-2]], np.int32)),
        NumpyCodec.encode_input("bytes", np.array([[255], [0]], np.uint8)),
        NumpyCodec.encode_input("singles", np.array([[0.5], [1.5]], np.float32)),
        StringCodec.encode_input("names", ["Zürich", ""]),
    ]
    yield "kinds", InferenceRequest(inputs=kinds)


def post(address, path, payload):
    request = urllib.request.Request(
        f"http://{address}{path}", json.dumps(payload).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def over_http(address):
    for id, request in requests():
        request.id = id
        wire = json.loads(request.model_dump_json(exclude_none=True))
        status, body = post(address, "/v2/models/echo/infer", wire)
        answer = InferenceResponse.model_validate_json(body)
        said = {"version": answer.model_version, "id": answer.id, "status": status}
        say("echo", tensors(request.inputs), tensors(answer.outputs), **said)
    text = InferenceRequest(id="stream", inputs=[StringCodec.encode_input("text", [TEXT])])
    wire = json.loads(text.model_dump_json(exclude_none=True))
    status, body = post(address, "/v2/models/echo/versions/v1/infer_stream", wire)
    events = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
    answers = [InferenceResponse.model_validate_json(event) for event in events]
    words = np.concatenate([array(answer.outputs[0]) for answer in answers])
    said = {"version": answers[0].model_version, "id": answers[0].id, "status": status}
    say("echo", tensors(text.inputs), {"word": told(words)}, **said)
    status, body = post(address, "/v2/models/nobody/infer", wire)
    say("nobody", tensors(text.inputs), {}, id="stream", status=status, error=json.loads(body)["error"])


def over_grpc(address):
    with grpc.insecure_channel(address) as channel:
        stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(channel)
        for id, request in requests():
            request.id = id
            wire = ModelInferRequestConverter.from_types(request, model_name="echo")
            answer = ModelInferResponseConverter.to_types(stub.ModelInfer(wire))
            said = {"version": answer.model_version, "id": answer.id}
            say("echo", tensors(request.inputs), tensors(answer.outputs), **said)
        text = InferenceRequest(id="stream", inputs=[StringCodec.encode_input("text", [TEXT])])
        wire = ModelInferRequestConverter.from_types(text, model_name="echo")
        answers = [ModelInferResponseConverter.to_types(each) for each in stub.ModelStreamInfer(iter([wire]))]
        words = np.concatenate([array(answer.outputs[0]) for answer in answers])
        said = {"version": answers[0].model_version, "id": answers[0].id}
        say("echo", tensors(text.inputs), {"word": told(words)}, **said)
        lost = dataplane_pb2.ModelInferRequest(model_name="nobody", id="lost", inputs=wire.inputs)
        try:
            stub.ModelInfer(lost)
        except grpc.RpcError as error:
            said = {"status": error.code().name, "error": error.details()}
            say("nobody", tensors(text.inputs), {}, id="lost", **said)


if __name__ == "__main__":
    {"http": over_http, "grpc": over_grpc}[sys.argv[1]](sys.argv[2])
