"""Run in KServe's environment: its own server with a model that answers what it was asked, in either protocol."""

import kserve
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse
from kserve.errors import InvalidInput


class Echo(kserve.Model):
    async def predict(self, payload, headers=None, response_headers=None):
        return self._tensors(payload) if isinstance(payload, InferRequest) else self._rows(payload)

    def _tensors(self, payload):
        outputs = []
        for each in payload.inputs:
            array = each.as_numpy()
            if array.dtype.kind == "O":
                array = np.array([v if isinstance(v, bytes) else v.encode() for v in array.ravel()], object)
                array = array.reshape(each.shape)
            output = InferOutput(f"o_{each.name}", list(array.shape), each.datatype)
            output.set_data_from_numpy(array, binary_data=True)
            outputs.append(output)
        wanted = {"use_binary_outputs": payload.use_binary_outputs, "requested_outputs": payload.request_outputs}
        return InferResponse(payload.id, self.name, outputs, **wanted)

    def _rows(self, payload):
        if "instances" not in payload:
            raise InvalidInput("nothing to answer")
        return {"predictions": [sum(row) if isinstance(row, list) else row for row in payload["instances"]]}


if __name__ == "__main__":
    arguments, _ = kserve.model_server.parser.parse_known_args()
    model = Echo("echo")
    model.ready = True
    kserve.ModelServer().start([model])
