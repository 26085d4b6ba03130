"""TensorFlow Serving over gRPC: `Predict`, `Classify` and `Regress` of `tensorflow.serving.PredictionService`.

The model is in the message (`model_spec`); the version is the one that answered, else the number or the label that was
asked for. There is no id on this wire. `Predict` has tensors by name, in no order: they are told by name. `Classify` and
`Regress` have examples, and answer with classes, which become `label` and `score`, or with numbers, called `output`: the
columns that the same model makes over REST.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from collectors.decoders.decoder import (
    ROWS_MAX,
    TENSORS_MAX,
    VERSION_CHARS_MAX,
    Call,
    Decoded,
    Undecodable,
)
from collectors.decoders.elements import TENSOR_BYTES_MAX, check_size, tensor_bytes, tensor_of
from collectors.decoders.grpc_bodies import Side, messages, one_message, status_words
from collectors.decoders.open_inference_messages import refused
from collectors.decoders.protobuf import BYTES, Allowance, MalformedProtobuf, fields, signed
from collectors.decoders.tensorflow_messages import entry, examples_of_input, float_of, floats, tensor_of_proto, text_of
from collectors.decoders.undeclared import OUTPUT, check_cells, check_rows
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

_SERVICE = "/tensorflow.serving.PredictionService/"
PREDICT = f"{_SERVICE}Predict"
CLASSIFY = f"{_SERVICE}Classify"
REGRESS = f"{_SERVICE}Regress"

_CALL = Call("")
"""Of every request line: the message names the model."""


@dataclass(slots=True)
class _Message:
    """A request or a response: who is meant, and what is in it, tensors already, or examples and results."""

    model: str = ""
    version: str = ""
    tensors: list[Tensor] = field(default_factory=list)
    rest: bytes = b""


class TensorFlowServingGrpc:
    """Decodes the three methods of `PredictionService` that infer from one input."""

    name = "tensorflow_serving_grpc"

    def call(self, method: str, target: str) -> Call | None:
        """Metadata, sessions and MultiInference are not read."""
        return _CALL if method == "POST" and target in (PREDICT, CLASSIFY, REGRESS) else None

    def named(self, exchange: Exchange) -> Call:
        """The model that the request's message calls. Raises Undecodable."""
        (message,) = messages(exchange, "request")[:1] or (b"",)
        try:
            for number, wire, value in fields(message, Allowance()):
                if number == 1 and wire == BYTES and isinstance(value, bytes):
                    return Call(*_spec(value, Allowance(), "request.model_spec"))
        except MalformedProtobuf as error:
            raise refused(error, "request") from error
        return _CALL

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        is_predict = exchange.target == PREDICT
        asked = _read(exchange, "request", _Fields(spec=1, tensors=2 if is_predict else 0, rest=2))
        rows, inputs = (_rows(asked.tensors), tuple(asked.tensors)) if is_predict else _examples(asked.rest)
        outputs: tuple[Tensor, ...] = ()
        version = ""
        served = 200 <= exchange.status < 300
        if served and is_predict:
            told = _read(exchange, "response", _Fields(spec=2, tensors=1, rest=0))
            outputs, version = tuple(told.tensors), told.version
        elif served:
            told = _read(exchange, "response", _Fields(spec=2, tensors=0, rest=1))
            outputs, version = (_classes if exchange.target == CLASSIFY else _numbers)(told.rest), told.version
        check_size(inputs, outputs)
        return Decoded(
            model=asked.model,
            version=version or asked.version,
            id=None,
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            error=None if served else status_words(exchange),
        )


@dataclass(frozen=True, slots=True)
class _Fields:
    """The numbers of the fields of a message; 0 where it has none of these."""

    spec: int
    tensors: int
    rest: int


def _read(exchange: Exchange, side: Side, numbers: _Fields) -> _Message:
    read = _Message()
    tensors: dict[str, Tensor] = {}
    held = 0
    place = f"{side}.{'inputs' if side == 'request' else 'outputs'}"
    message = one_message(exchange, side)
    allowance = Allowance()
    try:
        for number, wire, value in fields(message, allowance):
            if wire != BYTES or isinstance(value, int):
                continue
            if number == numbers.spec:
                read.model, read.version = _spec(value, allowance, f"{side}.model_spec")
            elif number == numbers.tensors:
                key, proto = entry(value, allowance)
                name = text_of(key, place)
                where = f"{place}[{name[:40]!r}]"
                if len(tensors) >= TENSORS_MAX:
                    raise Undecodable("record_too_large", where, f"found more than {TENSORS_MAX} tensors")
                tensors[name] = tensor_of_proto(name, proto, allowance, where)
                held += tensor_bytes(tensors[name])
                if held > TENSOR_BYTES_MAX:
                    raise Undecodable("record_too_large", where, f"more than {TENSOR_BYTES_MAX} bytes of elements")
            elif number == numbers.rest:
                read.rest = value
    except MalformedProtobuf as error:
        raise refused(error, side) from error
    read.tensors = [tensors[name] for name in sorted(tensors)]
    return read


def _spec(message: bytes, allowance: Allowance, where: str) -> tuple[str, str]:
    """Name and version of a ModelSpec; a label where it has no number. Raises Undecodable and MalformedProtobuf."""
    name = number = label = ""
    for at, wire, value in fields(message, allowance):
        if wire != BYTES or isinstance(value, int):
            continue
        if at == 1:
            name = text_of(value, f"{where}.name")
        elif at == 2:
            wrapped = [found for inner, _, found in fields(value, allowance) if inner == 1 and isinstance(found, int)]
            number = str(signed(wrapped[-1] if wrapped else 0))
        elif at == 4:
            label = text_of(value, f"{where}.version_label")
    return name[:VERSION_CHARS_MAX], (number or label)[:VERSION_CHARS_MAX]


def _rows(tensors: Sequence[Tensor]) -> int:
    """The first dimension that most tensors have, the larger of two that are as common: a scalar beside a batch is no row."""
    found = Counter(tensor.shape[0] for tensor in tensors if tensor.shape)
    rows = max(found, key=lambda size: (found[size], size), default=1)
    if rows > ROWS_MAX:
        raise Undecodable("record_too_large", "request.inputs", f"found {rows} rows")
    return rows


def _examples(message: bytes) -> tuple[int, tuple[Tensor, ...]]:
    try:
        rows, tensors = examples_of_input(message, Allowance(), "request.input")
    except MalformedProtobuf as error:
        raise refused(error, "request.input") from error
    check_rows(rows, "request.input")
    return rows, tensors


def _each(message: bytes, allowance: Allowance) -> Iterator[bytes]:
    """The messages of a repeated field 1."""
    for number, wire, value in fields(message, allowance):
        if number == 1 and wire == BYTES and isinstance(value, bytes):
            yield value


def _classes(result: bytes) -> tuple[Tensor, ...]:
    """Labels and scores, of shape [rows, classes]; rows with fewer classes than others lack the last ones."""
    allowance = Allowance()
    try:
        rows = [[_class(each, allowance) for each in _each(row, allowance)] for row in _each(result, allowance)]
    except MalformedProtobuf as error:
        raise refused(error, "response.result") from error
    most = max(map(len, rows), default=0)
    check_cells(2 * most * len(rows), "response.result")
    pairs = [pair for row in rows for pair in (*row, *[(None, None)] * (most - len(row)))]
    shape = (len(rows), most)
    return (
        tensor_of("label", shape, [label for label, _ in pairs], "BYTES"),
        tensor_of("score", shape, [score for _, score in pairs], "FP32"),
    )


def _class(message: bytes, allowance: Allowance) -> tuple[str, float]:
    label, score = "", 0.0
    for number, _, value in fields(message, allowance):
        if number == 1 and isinstance(value, bytes):
            label = text_of(value, "response.result.label")
        elif number == 2:
            score = float_of(value)
    return label, score


def _numbers(result: bytes) -> tuple[Tensor, ...]:
    """One number a row."""
    allowance = Allowance()
    try:
        values = [
            next((float_of(value) for number, _, value in fields(each, allowance) if number == 1), 0.0)
            for each in _each(result, allowance)
        ]
    except MalformedProtobuf as error:
        raise refused(error, "response.result") from error
    return (Tensor(name=OUTPUT, shape=(len(values),), datatype="FP32", data=floats(values)),)
