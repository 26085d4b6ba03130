"""Run in MLServer's environment: a runtime that answers what it was asked, and streams an answer a word."""

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Echo(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        outputs = [
            ResponseOutput(name=f"o_{i.name}", shape=i.shape, datatype=i.datatype, data=i.data, parameters=i.parameters)
            for i in payload.inputs
        ]
        return InferenceResponse(model_name=self.name, model_version=self.version, id=payload.id, outputs=outputs)

    async def predict_stream(self, payloads):
        async for payload in payloads:
            for word in payload.inputs[0].data[0].split():
                text = word if isinstance(word, bytes) else word.encode()
                output = ResponseOutput(name="word", shape=[1, 1], datatype="BYTES", data=[text])
                yield InferenceResponse(
                    model_name=self.name, model_version=self.version, id=payload.id, outputs=[output]
                )
