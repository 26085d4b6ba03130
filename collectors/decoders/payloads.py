"""Bodies whose form only their media type tells: JSON, JSON lines, CSV, forms of several parts, or anything.

The declared type is a hint and the body decides: servers and loggers copy it from elsewhere. What is none of these
forms is one row with the body as one value, text where it is UTF-8.
"""

import csv
import io
import re
from collections.abc import Mapping

import msgspec

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import Undecodable
from collectors.decoders.json_bodies import not_protocol
from collectors.decoders.npy import MAGIC as NPY_MAGIC
from collectors.decoders.npy import npy_tensor
from collectors.decoders.undeclared import (
    ELEMENTS_MAX,
    check_rows,
    tensors_from_columns,
    tensors_from_json,
    tensors_from_rows,
    value_from_json,
)
from collectors.records.types import Tensor

PARTS_MAX = 256
"""Parts of one form; handlers name a few."""

_ONE_VALUE = msgspec.json.Decoder(msgspec.Raw)
_NUMERIC = re.compile(rb"[-0-9.,eE\n]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:nan|inf|infinity)")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_BOUNDARY = re.compile(r'boundary="?([^";,]{1,200})"?')
_PART_NAME = re.compile(rb'(?i:content-disposition)[^\r\n]*?[; ]name="?([^";\r\n]{1,256})"?')
_PART_TYPE = re.compile(rb"(?i:content-type):[ \t]*([^\r\n]*)")


def body_of(body: bytes | bytearray, headers: Mapping[str, str], where: str) -> bytes:
    """The body as it was before Content-Encoding, without a byte order mark. Raises Undecodable."""
    plain = plain_body(body, headers.get("content-encoding", ""), where)
    return bytes(plain[3:] if plain[:3] == b"\xef\xbb\xbf" else plain)


def looks_like_json(body: bytes, content_type: str) -> bool:
    """Whether a body is to be read as JSON, one value or one a line."""
    return body.lstrip()[:1] in (b"{", b"[") or ("json" in content_type and "csv" not in content_type)


def json_value(body: bytes, content_type: str) -> bytes:
    """One JSON value: the body itself, or the list of the values on its lines."""
    value = body.strip()
    declared = any(word in content_type for word in ("jsonl", "ndjson", "json-lines", "json-seq"))
    if not declared and (b"\n" not in value or _is_one_value(value)):
        return value
    lines = b"[" + b",".join(filter(None, map(bytes.strip, value.split(b"\n")))) + b"]"
    return lines if _is_one_value(lines) else value


def csv_tensors(name: str, body: bytes, content_type: str, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """The rows of a CSV body, and its columns: one matrix where all cells are numbers. Raises Undecodable.

    A first line is a header where the media type says so, or where it has names only, each of them once, above at least
    one column of numbers.
    """
    text = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip(b"\n")
    if "header=present" not in content_type and _NUMERIC.fullmatch(text) and b"\n\n" not in text:
        try:
            found = tensors_from_json(name, b"[[" + text.replace(b"\n", b"],[") + b"]]", where)
        except Undecodable as error:
            if error.reason == "record_too_large":
                raise  # other faults are spellings that JSON lacks, such as empty cells and +1
        else:
            if found[1] and found[1][0].datatype != "BYTES":
                return found
    rows = _csv_rows(text, where)
    header = _header(rows, content_type)
    body_rows = rows[1:] if header else rows
    check_rows(len(body_rows), where)
    columns = [_typed([row[i] for row in body_rows]) for i in range(len(rows[0]))] if rows else []
    if header:
        return len(body_rows), tensors_from_columns(dict(zip(header, columns, strict=True)), where)
    if len(columns) == 1:
        return len(body_rows), tensors_from_rows(name, columns[0], where)
    return len(body_rows), tensors_from_rows(name, list(map(list, zip(*columns, strict=True))), where)


def table_or_value(name: str, body: bytes, content_type: str, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """A body that is no JSON: an array of NumPy's, CSV where it is declared or nothing is and it reads so, else one value."""
    if body.startswith(NPY_MAGIC):
        return npy_tensor(name, body, where)
    if "csv" in content_type:
        return csv_tensors(name, body, content_type, where)
    if not content_type:
        try:
            return csv_tensors(name, body, content_type, where)
        except Undecodable as error:
            if error.reason == "record_too_large":
                raise
    return 1, one_row(name, body, content_type, where)


def upright(rows: int, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Answers to n rows on one line of CSV, as some servers write them, are a column of n."""
    if rows > 1 and len(tensors) == 1 and tensors[0].shape == (1, rows):
        return (msgspec.structs.replace(tensors[0], shape=(rows,)),)
    return tensors


def form_tensors(body: bytes, content_type: str, where: str) -> tuple[Tensor, ...] | None:
    """One tensor a part of a multipart form, or None where the body is none. Raises Undecodable."""
    boundary = _BOUNDARY.search(content_type)
    if not boundary or not content_type.lower().startswith("multipart/"):
        return None
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode("latin-1"), PARTS_MAX + 2)
    if len(parts) > PARTS_MAX + 1:
        raise Undecodable("record_too_large", where, f"found more than {PARTS_MAX} parts")
    tensors: list[Tensor] = []
    for part in parts[1:]:
        head, separator, content = part.partition(b"\r\n\r\n")
        name = _PART_NAME.search(head)
        if part.startswith(b"--"):
            return tuple(tensors)
        if not separator or not name:
            raise not_protocol(where, "a part of the form has no name")
        kind = _PART_TYPE.search(head)
        tensors += one_row(_text(name[1]), content, kind[1].decode("latin-1") if kind else "", where)
    raise not_protocol(where, "the form has no end")


def one_row(name: str, body: bytes, content_type: str, where: str) -> tuple[Tensor, ...]:
    """A body that is one row, whatever it is: JSON, a text, bytes. Raises Undecodable."""
    if looks_like_json(body, content_type):
        try:
            return tensors_from_rows(name, [value_from_json(body, where)], where)
        except Undecodable as error:
            if error.reason == "record_too_large":
                raise
    try:
        item: str | bytes = body.decode("utf-8")
    except UnicodeDecodeError:
        item = body
    return (Tensor(name=name, shape=(1,), datatype="BYTES", items=(item,)),)


def _is_one_value(value: bytes) -> bool:
    try:
        _ONE_VALUE.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _csv_rows(text: bytes, where: str) -> list[list[str]]:
    if text.count(b",") + text.count(b"\n") > ELEMENTS_MAX:
        raise Undecodable("record_too_large", where, f"found more than {ELEMENTS_MAX} cells")
    try:
        reader = csv.reader(io.StringIO(text.decode("utf-8"), newline=""), strict=True)
        rows = [row for row in reader if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise not_protocol(where, f"no CSV: {error}") from error
    for position, row in enumerate(rows):
        if len(row) != len(rows[0]):
            detail = f"found {len(row)} cells, the first row has {len(rows[0])}"
            raise Undecodable("shape_mismatch", f"{where}[{position}]", detail)
    return rows


def _header(rows: list[list[str]], content_type: str) -> list[str] | None:
    if not rows or "header=absent" in content_type:
        return None
    names = [cell.strip() for cell in rows[0]]
    if "header=present" in content_type:
        return names if len(set(names)) == len(names) else None
    if len(rows) < 2 or not all(names) or len(set(names)) < len(names) or any(map(_NUMBER.fullmatch, names)):
        return None
    numeric = any(all(_NUMBER.fullmatch(row[i].strip()) for row in rows[1:]) for i in range(len(names)))
    return names if numeric else None


def _typed(cells: list[str]) -> list[object]:
    """Cells as numbers where all of a column are; an empty cell is missing."""
    stripped = [cell.strip() for cell in cells]
    filled = [cell for cell in stripped if cell]
    if filled and all(map(_WHOLE.fullmatch, filled)):
        return [int(cell) if cell else None for cell in stripped]
    if filled and all(map(_NUMBER.fullmatch, filled)):
        return [float(cell) if cell else None for cell in stripped]
    return [cell if cell else None for cell in cells]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
