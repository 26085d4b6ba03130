"""A small inference server that knows nothing of Outrider: ONNX Runtime behind the Open Inference Protocol over HTTP.

`python -m outrider.demo.server HOST PORT NAME MODEL.onnx`. Inputs that the ONNX model does not take
(the group of the demo) are accepted and ignored, as a feature store's extra columns would be.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import uvicorn
from litestar import Litestar, get, post
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath, JSONBody

TYPES: dict[str, Any] = {
    "FP64": np.float64,
    "FP32": np.float32,
    "INT64": np.int64,
    "INT32": np.int32,
    "BYTES": np.object_,
}


class Model:
    """One ONNX model. `infer` takes the request's inputs by name."""

    def __init__(self, name: str, path: str) -> None:
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime  # noqa: PLC0415  (its makers are told of its use unless the switch is set before the import)

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.name = name
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._inputs = {
            i.name: np.object_ if i.type == "tensor(string)" else np.float32 for i in self._session.get_inputs()
        }

    def metadata(self) -> dict[str, Any]:
        inputs = [
            {"name": name, "datatype": "BYTES" if dtype is np.object_ else "FP32", "shape": [-1, 1]}
            for name, dtype in self._inputs.items()
        ]
        outputs = [("p_repaid", "FP64"), ("repaid_class", "INT64")]
        named = [{"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in outputs]
        return {"name": self.name, "versions": ["1"], "platform": "onnxruntime", "inputs": inputs, "outputs": named}

    def infer(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        given = {i["name"]: np.array(i["data"], dtype=TYPES[i["datatype"]]).reshape(i["shape"]) for i in inputs}
        missing = [name for name in self._inputs if name not in given]
        if missing:
            raise ValueError(f"missing inputs: {', '.join(missing)}")
        feed = {name: given[name].reshape(-1, 1).astype(dtype) for name, dtype in self._inputs.items()}
        classes, probabilities = self._session.run(None, feed)
        score = probabilities[:, 1].astype(float)
        return [
            {"name": "p_repaid", "shape": [len(score)], "datatype": "FP64", "data": score.round(6).tolist()},
            {"name": "repaid_class", "shape": [len(score)], "datatype": "INT64", "data": classes.tolist()},
        ]


def application(model: Model) -> Litestar:
    @get("/v2/health/{kind:str}", sync_to_thread=False)
    def health(kind: FromPath[str]) -> dict[str, bool]:
        return {kind: True}

    @get("/v2", sync_to_thread=False)
    def server() -> dict[str, Any]:
        return {"name": "outrider-demo", "version": "1", "extensions": []}

    @get("/v2/models/{name:str}", sync_to_thread=False)
    def metadata(name: str) -> dict[str, Any]:
        if name != model.name:
            raise NotFoundException(detail=f"unknown model {name}")
        return model.metadata()

    @post("/v2/models/{name:str}/infer", status_code=200, sync_to_thread=False)
    def infer(name: FromPath[str], data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
        if name != model.name:
            raise NotFoundException(detail=f"unknown model {name}")
        try:
            outputs = model.infer(data["inputs"])
        except (KeyError, TypeError, ValueError) as error:
            raise ClientException(detail=f"bad request: {error}") from error
        return {"model_name": model.name, "model_version": "1", "id": data.get("id", ""), "outputs": outputs}

    return Litestar([health, server, metadata, infer], openapi_config=None, logging_config=None)


def main(arguments: list[str]) -> None:
    host, port, name, path = arguments
    uvicorn.run(application(Model(name, path)), host=host, port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1:])
