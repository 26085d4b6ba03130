"""TorchServe over gRPC: `Predictions` and `StreamPredictions` of its inference service.

What the bytes mean is for the model's handler to know: each input is one value of one row, JSON by its keys, texts and
bytes as they are; the answer is `output`. The pieces of a stream are one answer, joined as they came.
"""

from collectors.decoders.decoder import TENSORS_MAX, VERSION_CHARS_MAX, Call, Decoded, Undecodable
from collectors.decoders.elements import check_size
from collectors.decoders.grpc_bodies import messages, one_message, status_words
from collectors.decoders.open_inference_messages import refused
from collectors.decoders.payloads import one_row
from collectors.decoders.protobuf import BYTES, Allowance, MalformedProtobuf, fields
from collectors.decoders.tensorflow_messages import entry, text_of
from collectors.decoders.undeclared import OUTPUT
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

_SERVICE = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/"
PREDICTIONS = f"{_SERVICE}Predictions"
STREAM = f"{_SERVICE}StreamPredictions"

_CALL = Call("")
"""Of every request line: the message names the model."""


class TorchServeGrpc:
    """Decodes the methods of `InferenceAPIsService` that take one request."""

    name = "torchserve_grpc"

    def call(self, method: str, target: str) -> Call | None:
        """Ping and streams of many requests are not read."""
        return _CALL if method == "POST" and target in (PREDICTIONS, STREAM) else None

    def named(self, exchange: Exchange) -> Call:
        """The model that the request's message calls. Raises Undecodable."""
        called, _ = _asked(one_message(exchange, "request"))
        return called

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        called, values = _asked(one_message(exchange, "request"))
        inputs = tuple(
            t for name in sorted(values) for t in one_row(name, values[name], "", f"request.input.{name[:40]}")
        )
        served = 200 <= exchange.status < 300
        outputs: tuple[Tensor, ...] = ()
        if served:
            answer = b"".join(_prediction(each) for each in messages(exchange, "response"))
            outputs = one_row(OUTPUT, answer, "", "response.prediction")
        check_size(inputs, outputs)
        return Decoded(
            model=called.model,
            version=called.version,
            id=None,
            rows=1,
            inputs=inputs,
            outputs=outputs,
            error=None if served else status_words(exchange),
        )


def _asked(message: bytes) -> tuple[Call, dict[str, bytes]]:
    """The model and the inputs by name. Raises Undecodable."""
    allowance = Allowance()
    model = version = ""
    values: dict[str, bytes] = {}
    try:
        for number, wire, value in fields(message, allowance):
            if wire != BYTES or isinstance(value, int):
                continue
            if number == 1:
                model = text_of(value, "request.model_name")
            elif number == 2:
                version = text_of(value, "request.model_version")
            elif number == 3:
                key, data = entry(value, allowance)
                values[text_of(key, "request.input")] = data
                if len(values) > TENSORS_MAX:
                    raise Undecodable("record_too_large", "request.input", f"found more than {TENSORS_MAX} inputs")
    except MalformedProtobuf as error:
        raise refused(error, "request") from error
    return Call(model[:VERSION_CHARS_MAX], version[:VERSION_CHARS_MAX]), values


def _prediction(message: bytes) -> bytes:
    try:
        found = [v for n, wire, v in fields(message, Allowance()) if n == 1 and wire == BYTES and isinstance(v, bytes)]
    except MalformedProtobuf as error:
        raise refused(error, "response") from error
    return found[-1] if found else b""
