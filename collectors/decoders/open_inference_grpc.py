"""The Open Inference Protocol (KServe v2) over gRPC: `ModelInfer`, and `ModelStreamInfer` as Triton and MLServer speak it.

The name of the model is in the message, not in the path. A stream is cut into exchanges of one request with all its
answers (`protocols/dialogue.py`); here is what says which answers are whose: the request's id comes back, Triton marks
the last with `triton_final_response`. Triton wraps each answer with room for an error message, MLServer sends it bare
on the same path; they are told apart by their fields, for a wrapped one has only the first two.

Several answers to one request are one prediction: outputs of the same name are joined along their first dimension.
"""

from collectors.decoders.decoder import ROWS_MAX, Call, Decoded, Undecodable
from collectors.decoders.elements import check_size
from collectors.decoders.grpc_bodies import messages, one_message, status_words
from collectors.decoders.joining import joined_outputs
from collectors.decoders.json_bodies import ERROR_CHARS_MAX
from collectors.decoders.open_inference_messages import (
    InferMessage,
    infer_request,
    infer_response,
    input_tensors,
    output_tensors,
    refused,
)
from collectors.decoders.protobuf import BYTES, Allowance, MalformedProtobuf, fields
from collectors.protocols.dialogue import Answer
from collectors.protocols.exchange import Exchange

_SERVICE = "/inference.GRPCInferenceService/"
UNARY = f"{_SERVICE}ModelInfer"
STREAM = f"{_SERVICE}ModelStreamInfer"

_CALL = Call("")
"""Of every request line: the message names the model."""


class OpenInferenceGrpc:
    """Decodes the two methods of `inference.GRPCInferenceService` that infer."""

    name = "open_inference_grpc"

    def call(self, method: str, target: str) -> Call | None:
        """Metadata, health and repository methods are no inference."""
        return _CALL if method == "POST" and target in (UNARY, STREAM) else None

    def named(self, exchange: Exchange) -> Call:
        """The model that the request's message calls. Raises Undecodable."""
        (message,) = messages(exchange, "request")[:1] or (b"",)
        model = version = b""
        try:
            for number, wire, value in fields(message, Allowance()):
                if number > 2:
                    break
                if wire == BYTES and isinstance(value, bytes):
                    model, version = (value, version) if number == 1 else (model, value)
        except MalformedProtobuf as error:
            raise refused(error, "request") from error
        return Call(model[:1024].decode("utf-8", "replace")[:256], version[:1024].decode("utf-8", "replace")[:256])

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        request = infer_request(one_message(exchange, "request"))
        inputs = input_tensors(request, "request.inputs")
        if request.tensors and not inputs:
            raise Undecodable("shared_memory", "request.inputs", "all inputs are in shared memory")
        rows = _rows(request)
        is_whole = len(inputs) == len(request.tensors)
        if not 200 <= exchange.status < 300:
            return Decoded(
                model=request.model,
                version=request.version,
                id=request.id or None,
                rows=rows,
                inputs=inputs,
                outputs=(),
                error=_error(exchange),
                fidelity="full" if is_whole else "truncated",
            )
        answers = [one_message(exchange, "response")] if exchange.target == UNARY else messages(exchange, "response")
        responses = [infer_response(_unwrapped(each)[1] if exchange.target == STREAM else each) for each in answers]
        several = [
            output_tensors(response, f"response[{position}].outputs" if len(responses) > 1 else "response.outputs")
            for position, response in enumerate(responses)
        ]
        is_whole = is_whole and all(len(o) == len(r.tensors) for o, r in zip(several, responses, strict=True))
        outputs = joined_outputs([each for each in several if each])
        check_size(inputs, outputs)
        return Decoded(
            model=request.model,
            version=next((each.version for each in responses if each.version), request.version),
            id=request.id or next((each.id for each in responses if each.id), None),
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            fidelity="full" if is_whole else "truncated",
        )


class StreamCorrelation:
    """What says which answers of a ModelStreamInfer are whose."""

    def key(self, message: bytes) -> str:
        """The request's id."""
        try:
            return infer_request(message).id
        except Undecodable:
            return ""

    def answer(self, message: bytes) -> Answer:
        """The id it answers, whether it is the last, whether it says that the request failed."""
        try:
            error, bare = _unwrapped(message)
            response = infer_response(bare)
        except Undecodable:
            return Answer("", None, failed=False)
        return Answer(response.id, response.final, failed=bool(error))


def _unwrapped(message: bytes) -> tuple[str, bytes]:
    """Error message and response of an answer in a stream, whether Triton wrapped it or MLServer did not."""
    error, response = b"", b""
    try:
        for number, wire, value in fields(message, Allowance()):
            if number > 2 or wire != BYTES or isinstance(value, int):
                return "", message
            error, response = (value, response) if number == 1 else (error, value)
        for _ in fields(response, Allowance()):
            pass
    except MalformedProtobuf:
        return "", message
    return error.decode("utf-8", "replace"), response


def _rows(request: InferMessage) -> int:
    if not request.tensors or not request.tensors[0].shape:
        return 1
    rows = request.tensors[0].shape[0]
    if rows > ROWS_MAX:
        raise Undecodable("record_too_large", "request.inputs[0].shape[0]", f"found {rows} rows")
    return rows


def _error(exchange: Exchange) -> str | None:
    """The server's words: in the stream, else with the status."""
    words = ""
    if exchange.target == STREAM:
        try:
            words = next((error for each in messages(exchange, "response") if (error := _unwrapped(each)[0])), "")
        except Undecodable:
            words = ""
    return words[:ERROR_CHARS_MAX] or status_words(exchange)
