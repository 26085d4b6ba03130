"""`raw_inputs`: what the bytes of raw binary requests are, model by model."""

from dataclasses import dataclass
from typing import Any

from collectors.records.types import ITEM_BYTES
from collectors.settings.reading import Unexpected, mappings, one_of, text

DIMENSIONS_MAX = 32


@dataclass(frozen=True, slots=True)
class RawInputSetting:
    """The one input of a model; one axis of the shape may be -1, of any length."""

    model: str
    name: str
    datatype: str
    shape: tuple[int, ...]


def read_raw_inputs(value: object) -> tuple[RawInputSetting, ...]:
    if not isinstance(value, list):
        raise Unexpected(("", value, "a list of {model, name, datatype, shape}"))
    readers: dict[str, Any] = {
        "model": text,
        "name": text,
        "datatype": one_of(*ITEM_BYTES),
        "shape": _shape,
    }
    found = tuple(RawInputSetting(**each) for each in mappings(value, readers, required=tuple(readers)))
    models = [each.model for each in found]
    twice = [(f"[{i}].model", model, "each model once") for i, model in enumerate(models) if model in models[:i]]
    if twice:
        raise Unexpected(*twice)
    return found


def _shape(value: object) -> tuple[int, ...]:
    expected = "a list of sizes, one of which may be -1"
    if not isinstance(value, list) or not 0 < len(value) <= DIMENSIONS_MAX:
        raise Unexpected(("", value, expected))
    if any(not isinstance(size, int) or isinstance(size, bool) or (size < 1 and size != -1) for size in value):
        raise Unexpected(("", value, expected))
    if value.count(-1) > 1:
        raise Unexpected(("", value, expected))
    return tuple(value)
