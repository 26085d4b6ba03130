"""What the bytes of a raw binary request are: the one input of a model, as its configuration declares it."""

import math
from dataclasses import dataclass

from collectors.decoders.decoder import Undecodable
from collectors.decoders.elements import checked_shape, tensor_from_raw
from collectors.records.types import ITEM_BYTES, Datatype, Tensor


@dataclass(frozen=True, slots=True)
class RawInput:
    """Name, datatype and shape of a model's only input, the batch included; one axis may be -1, of any length."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]


def raw_tensor(described: RawInput, body: bytes | bytearray, where: str) -> Tensor:
    """The tensor that a whole body is. Raises Undecodable."""
    shape = list(described.shape)
    if -1 in shape:
        rest = math.prod(size for size in shape if size != -1) * ITEM_BYTES[described.datatype]
        if rest == 0 or len(body) % rest:
            raise Undecodable("shape_mismatch", where, f"found {len(body)} bytes, no multiple of {rest}")
        shape[shape.index(-1)] = len(body) // rest
    return tensor_from_raw(described.name, checked_shape(shape, where), described.datatype, bytes(body), where)
