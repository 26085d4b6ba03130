"""Every serving API that we read, in the order they are asked."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from collectors.decoders.decoder import Call, Decoder, NamedInMessage, Undecodable
from collectors.decoders.generic_json import GenericJson, JsonRoute
from collectors.decoders.invocations import Invocations
from collectors.decoders.open_inference import OpenInference
from collectors.decoders.open_inference_grpc import STREAM, OpenInferenceGrpc, StreamCorrelation
from collectors.decoders.open_inference_stream import OpenInferenceStream
from collectors.decoders.openai import OpenAi
from collectors.decoders.predict_v1 import PredictV1
from collectors.decoders.raw_input import RawInput
from collectors.decoders.seldon_v1 import SeldonV1
from collectors.decoders.seldon_v1_grpc import SeldonV1Grpc
from collectors.decoders.targets import path_of
from collectors.decoders.tensorflow_serving_grpc import TensorFlowServingGrpc
from collectors.decoders.torchserve import TorchServe
from collectors.decoders.torchserve_grpc import TorchServeGrpc
from collectors.decoders.triton_generate import TritonGenerate
from collectors.protocols.dialogue import Correlation
from collectors.protocols.exchange import Exchange

DEFAULT_MODEL = "default"
"""What a model is called whose protocol does not tell its name."""

_TARGETS_REMEMBERED = 1024
"""Request lines whose answer is remembered: clients ask the same few models again and again."""


class Registry:
    """The decoders of one sidecar. Configured routes come first: who writes one means it."""

    def __init__(
        self,
        *,
        model: str = DEFAULT_MODEL,
        keeps_text: bool = False,
        routes: Sequence[JsonRoute] = (),
        raw_inputs: Mapping[str, RawInput] = MappingProxyType({}),
    ) -> None:
        open_inference = OpenInference(raw_inputs)
        streamed = OpenInferenceStream(open_inference)
        openai = OpenAi(model, keeps_text=keeps_text)
        self.decoders: tuple[Decoder, ...] = (
            GenericJson(routes),
            open_inference,
            streamed,
            OpenInferenceGrpc(),
            TensorFlowServingGrpc(),
            TorchServeGrpc(),
            SeldonV1Grpc(model),
            TritonGenerate(streamed, keeps_text=keeps_text),
            PredictV1(),
            TorchServe(),
            SeldonV1(model),
            openai,
            Invocations(model, openai),
        )
        self._streams: dict[str, Correlation] = {STREAM: StreamCorrelation()}
        self._remembered = lru_cache(maxsize=_TARGETS_REMEMBERED)(self._ask)

    def find(self, method: str, target: str) -> tuple[Decoder, Call] | None:
        """The decoder of a request line with the model it calls, or None where it is no inference."""
        path = path_of(target)
        return None if path is None else self._remembered(method, path)

    def is_inference(self, method: str, target: str) -> bool:
        """Whether bodies of this request line are worth keeping."""
        return self.find(method, target) is not None

    def correlation(self, method: str, target: str) -> Correlation | None:
        """What says which answers of a stream of many requests are whose, where this request line begins one."""
        return self._streams.get(target) if method == "POST" else None

    def _ask(self, method: str, path: str) -> tuple[Decoder, Call] | None:
        for decoder in self.decoders:
            call = decoder.call(method, path)
            if call is not None:
                return decoder, call
        return None


def named(decoder: Decoder, exchange: Exchange, call: Call) -> Call:
    """The call with the model that the body names, where the request line does not."""
    if call.model or not isinstance(decoder, NamedInMessage):
        return call
    try:
        return decoder.named(exchange)
    except Undecodable:
        return call
