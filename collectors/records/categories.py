"""The one canonical form of a category, whatever type carried it: 17, 17.0, "17" and b"17" are the same one."""

import math


def canonical_category(value: object) -> str | None:
    """Text of a category, or None where the value is missing (None or NaN).

    >>> [canonical_category(v) for v in (17, 17.0, "17", "17.0", b"17", True, " a ", None)]
    ['17', '17', '17', '17', '17', 'true', ' a ', None]
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _canonical_float(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return _canonical_text(str(value))


def _canonical_float(value: float) -> str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) < 2**63:
        return str(int(value))
    return repr(value)


def _canonical_text(text: str) -> str:
    """A text that spells a plain decimal number takes the number's form; everything else stays as it is."""
    if text in ("True", "False"):
        return text.lower()
    if not text or len(text) > _NUMBER_CHARS_MAX or text[-1] not in "0123456789" or text[0] not in "+-0123456789.":
        return text
    digits = text.lstrip("+-")
    if "_" in text or (digits[:1] == "0" and digits[1:2].isdigit()):
        return text  # 007 and 1_000 are names, not numbers
    try:
        return str(int(text)) if digits.isdigit() else _canonical_decimal(text)
    except ValueError:
        return text


def _canonical_decimal(text: str) -> str:
    """A number beyond what a double holds is a name: hexadecimal digests such as 7e1000 and 0e99 are not all one category."""
    number = float(text)
    vanished = number == 0 and text.strip("+-0.").lower().startswith("e")
    return text if math.isinf(number) or vanished else _canonical_float(number) or text


_NUMBER_CHARS_MAX = 24
"""Longest decimal spelling of a double that round-trips (17 digits, sign, point, exponent)."""
