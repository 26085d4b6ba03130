"""Several answers to one request as one prediction: outputs of the same name, joined along their first dimension."""

import math
from collections.abc import Sequence

import msgspec

from collectors.decoders.decoder import Undecodable
from collectors.records.types import Tensor


def joined_outputs(several: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """The outputs of all answers, each name once. Raises Undecodable where those of one name do not fit together."""
    if len(several) < 2:
        return several[0] if several else ()
    by_name: dict[str, list[Tensor]] = {}
    for outputs in several:
        for tensor in outputs:
            by_name.setdefault(tensor.name, []).append(tensor)
    return tuple(tensors[0] if len(tensors) == 1 else _appended(tensors) for tensors in by_name.values())


def _appended(tensors: Sequence[Tensor]) -> Tensor:
    first = tensors[0]
    if any(not t.shape or t.shape[1:] != first.shape[1:] or t.datatype != first.datatype for t in tensors):
        raise Undecodable("shape_mismatch", "response.outputs", "answers whose outputs do not fit together")
    missing: list[int] = []
    before = 0
    for each in tensors:
        missing += (before + position for position in each.missing)
        before += math.prod(each.shape)
    return msgspec.structs.replace(
        first,
        shape=(sum(each.shape[0] for each in tensors), *first.shape[1:]),
        data=b"".join(each.data for each in tensors),
        items=tuple(item for each in tensors for item in each.items),
        missing=tuple(missing),
    )
