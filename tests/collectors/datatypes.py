"""What NumPy calls our numbers: the second source of what packs, reads and writes their bytes."""

from collectors.records.types import Datatype

NUMPY: dict[Datatype, str] = {
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
"""BF16 is not among them: NumPy lacks it."""
