"""Every serving API that we read, in the order they are asked."""

from functools import lru_cache

from collectors.decoders.decoder import Call, Decoder
from collectors.decoders.open_inference import OpenInference

DECODERS: tuple[Decoder, ...] = (OpenInference(),)

_TARGETS_REMEMBERED = 1024
"""Request lines whose answer is remembered: clients ask the same few models again and again."""


@lru_cache(maxsize=_TARGETS_REMEMBERED)
def find(method: str, target: str) -> tuple[Decoder, Call] | None:
    """The decoder of a request line with the model it calls, or None where it is no inference."""
    for decoder in DECODERS:
        call = decoder.call(method, target)
        if call is not None:
            return decoder, call
    return None
