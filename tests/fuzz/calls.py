"""What each decoder is tried with: request lines with both heads, and where fuzzing begins."""

from collections.abc import Mapping, Sequence

from collectors.decoders.generic_json import JsonRoute
from collectors.decoders.json_paths import Path
from tests.fuzz import seeds

ROUTE = JsonRoute(
    path="/score",
    model="m",
    inputs={"a": Path("rows[*].a"), "first": Path("rows[0]")},
    outputs={"p": Path("scores[*]")},
    id=Path("id"),
)

_EVENTS = {"content-type": "text/event-stream"}

Call = tuple[str, Mapping[str, str], Mapping[str, str]]
"""Request line and both heads of an exchange."""

GRPC = {"content-type": "application/grpc", "grpc-encoding": "deflate"}

CALLS: dict[str, tuple[tuple[Call, ...], Sequence[bytes]]] = {
    "open_inference": (
        (
            ("/v2/models/m/infer", {}, {}),
            ("/v2/models/m/infer", {"inference-header-content-length": "150"}, {}),
            ("/v2/models/m/versions/1/infer", {"inference-header-content-length": "0"}, {}),
            ("/v2/models/m/infer", {"content-encoding": "deflate"}, {}),
        ),
        seeds.OPEN_INFERENCE,
    ),
    "open_inference_grpc": (((seeds.UNARY, GRPC, GRPC), (seeds.STREAM, GRPC, GRPC)), seeds.GRPC_CALLS),
    "tensorflow_serving_grpc": (
        tuple((f"/tensorflow.serving.PredictionService/{each}", GRPC, GRPC) for each in ("Predict", "Classify", "Regress")),
        seeds.TENSORFLOW,
    ),
    "torchserve_grpc": (
        tuple((f"/org.pytorch.serve.grpc.inference.InferenceAPIsService/{each}", GRPC, GRPC) for each in ("Predictions", "StreamPredictions")),
        seeds.TORCHSERVE_GRPC,
    ),
    "seldon_v1_grpc": (
        tuple((f"/seldon.protos.{each}/Predict", GRPC, GRPC) for each in ("Seldon", "Model")),
        seeds.SELDON_V1_GRPC,
    ),
    "open_inference_stream": (
        (("/v2/models/m/infer_stream", {}, _EVENTS), ("/v2/models/m/versions/1/infer_stream", {}, {})),
        seeds.INFER_STREAM,
    ),
    "triton_generate": ((("/v2/models/m/generate_stream", {}, _EVENTS), ("/v2/models/m/generate", {}, {})), seeds.GENERATE),
    "predict_v1": ((("/v1/models/m:predict", {}, {}), ("/v1/models/m:classify", {}, {})), seeds.PREDICT_V1),
    "torchserve": (
        (
            ("/predictions/m", {"content-type": "multipart/form-data; boundary=b"}, {}),
            ("/predictions/m/1", {"content-type": "application/json"}, {}),
            ("/predictions/m", {}, {}),
        ),
        seeds.TORCHSERVE,
    ),
    "seldon_v1": ((("/api/v1.0/predictions", {}, {}),), seeds.SELDON_V1),
    "invocations": (
        (
            ("/invocations", {"content-type": "text/csv"}, {"content-type": "text/csv"}),
            ("/invocations", {"content-type": "application/jsonlines"}, {}),
            ("/invocations", {"content-type": "application/json"}, {}),
        ),
        seeds.INVOCATIONS,
    ),
    "openai": (
        (
            ("/v1/chat/completions", {}, _EVENTS),
            ("/v1/completions", {}, {}),
            ("/v1/responses", {}, _EVENTS),
            ("/v1/embeddings", {}, {}),
            ("/v1/chat/completions", {}, {}),
        ),
        seeds.OPENAI,
    ),
    "generic_json": ((("/score", {}, {}),), seeds.GENERIC),
}  # fmt: skip
"""By the name of the decoder: the request lines it is tried with, and where fuzzing begins."""
