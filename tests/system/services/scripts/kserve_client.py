"""Run in KServe's environment: inferences with its own clients. kserve_client v1|v2|grpc ADDRESS"""

import asyncio
import json
import sys
from contextlib import aclosing

import grpc
import httpx
import numpy as np
from cloudevents.conversion import to_structured
from cloudevents.http import CloudEvent
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.utils.numpy_codec import from_np_dtype
from saying import say, told

MODEL = "echo"
KINDS = {
    "ints": np.array([[1, 2], [-3, 4]], np.int32),
    "big": np.array([2**62, -1], np.int64),
    "unsigned": np.array([250, 0], np.uint8),
    "flags": np.array([True, False]),
    "doubles": np.array([0.5, -2.25]),
    "names": np.array(["Zürich", ""], np.object_),
}
HALVES = {"halves": np.array([[1.5], [-0.25]], np.float16), "singles": np.array([[0.5, 1], [2, 3]], np.float32)}
OPAQUE = {"bytes": np.array([b"\x00\xff\xfe", b"a\x00"], np.object_)}


def request(id, arrays, *, binary, model=MODEL, parameters=None):
    inputs = []
    for name, array in arrays.items():
        each = InferInput(name, list(array.shape), from_np_dtype(array.dtype))
        each.set_data_from_numpy(array, binary_data=binary)
        inputs.append(each)
    return InferRequest(model, inputs, id, parameters=parameters)


def outputs(answer):
    return {each.name: told(each.as_numpy()) for each in answer.outputs}


def inputs(arrays):
    return {name: told(array) for name, array in arrays.items()}


async def over_v2(address):
    async with aclosing(Rest("v2", address)) as client:
        in_binary = {"binary_data_output": True}
        for id, arrays, binary, wanted in (
            ("json", KINDS, False, {}),
            ("binary", KINDS | HALVES, True, in_binary),
            ("asked in binary", KINDS, True, {}),
            ("answered in binary", KINDS, False, in_binary),
        ):
            answer = await client.infer(request(id, arrays, binary=binary, parameters=wanted or None))
            say(MODEL, inputs(arrays), outputs(answer), version=answer.model_version or "", id=answer.id)
        lost = {"x": KINDS["doubles"]}
        for model in ("nobody", f"{MODEL}/versions/2"):
            status, error = await client.refused(request("lost", lost, binary=False), model)
            name, _, version = model.partition("/versions/")
            say(name, inputs(lost), {}, version=version, id="lost", status=status, error=error)


async def over_v1(address):
    async with aclosing(Rest("v1", address)) as client:
        rows = [[0.5, 1.5], [2.0, -3.5]]
        answer = await client.infer({"instances": rows})
        say(MODEL, {"input": told(np.array(rows))}, {"output": told(np.array(answer["predictions"]))})
        named = [{"age": 41, "town": "Ulm"}, {"age": 17, "town": "Zürich"}]
        answer = await client.infer({"instances": named})
        assert answer["predictions"] == named
        columns = {"age": told(np.array([41, 17])), "town": told(np.array(["Ulm", "Zürich"], np.object_))}
        say(MODEL, columns, columns)
        # An event in its structured form is answered with one.
        event = CloudEvent({"type": "org.example.rows", "source": "test"}, {"instances": rows})
        headers, body = to_structured(event)
        answer = json.loads((await client.post(body, headers)).content)["data"]
        said = {"id": event["id"]}
        say(MODEL, {"input": told(np.array(rows))}, {"output": told(np.array(answer["predictions"]))}, **said)
        # In its binary form too; its attributes are headers.
        headers = {"ce-id": "1", "ce-source": "test", "ce-specversion": "1.0", "ce-type": "org.example.rows"}
        answer = (await client.post(json.dumps({"instances": rows}), headers)).json()
        say(MODEL, {"input": told(np.array(rows))}, {"output": told(np.array(answer["predictions"]))})
        status, error = await client.refused({"inputs": rows}, MODEL)
        say(MODEL, {"input": told(np.array(rows))}, {}, status=status, error=error)
        status, error = await client.refused({"instances": rows}, "nobody")
        say("nobody", {"input": told(np.array(rows))}, {}, status=status, error=error)


class Rest:
    """KServe's own client, and what it does not do: say what a refusal said, and send an event."""

    def __init__(self, protocol, address):
        self._url = f"http://{address}"
        self._protocol = protocol
        self._client = InferenceRESTClient(RESTConfig(protocol=protocol))
        self._plain = httpx.AsyncClient(timeout=30)

    async def infer(self, data):
        return await self._client.infer(self._url, data, MODEL)

    async def refused(self, data, model):
        try:
            await self._client.infer(self._url, data, model)
        except httpx.HTTPStatusError as error:
            return error.response.status_code, error.response.json()["error"]
        raise AssertionError("it was answered")

    async def post(self, body, headers):
        url = f"{self._url}/v1/models/{MODEL}:predict"
        answer = await self._plain.post(url, content=body, headers=headers)
        answer.raise_for_status()
        return answer

    async def aclose(self):
        await self._client.close()
        await self._plain.aclose()


async def over_grpc(address):
    async with InferenceGRPCClient(address) as client:
        kinds = {name: array for name, array in KINDS.items() if array.dtype.kind != "O"}
        for id, arrays, binary in (("typed", kinds, False), ("raw", KINDS | HALVES | OPAQUE, True)):
            answer = await client.infer(request(id, arrays, binary=binary))
            said = {"version": answer.model_version or "", "id": answer.id}
            say(MODEL, inputs(arrays), outputs(answer), **said)
        lost = {"x": KINDS["doubles"]}
        try:
            await client.infer(request("lost", lost, binary=True, model="nobody"))
        except grpc.RpcError as error:
            said = {"status": error.code().name, "error": error.details()}
            say("nobody", inputs(lost), {}, id="lost", **said)


if __name__ == "__main__":
    asyncio.run({"v1": over_v1, "v2": over_v2, "grpc": over_grpc}[sys.argv[1]](sys.argv[2]))
