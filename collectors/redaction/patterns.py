"""Personal data in texts, by pattern: e-mail, phone, card, IBAN and IP address.

Patterns are narrow where a check digit or a form can tell (Luhn and issuer for cards, mod 97 for IBAN), because ids and
categories pass through them too. Every repetition is bounded, so that the time is linear in the text.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Sequence

_EMAIL = r"[\w.%+-]{1,64}+@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
_IBAN = r"\b[A-Za-z]{2}\d{2}(?:[ ]?[A-Za-z0-9]{4}){2,7}(?:[ ]?[A-Za-z0-9]{1,3})?\b"
_CARD = r"(?<!\d)[1-6]\d{3}(?:[ .-]?\d){8,15}(?!\d)"
_PHONE = (
    r"(?:(?<![\w+])\+|(?<!\d)00)[1-9](?:[ ().-]{0,3}\d){6,14}(?!\d)"
    r"|(?<![\w(])\(\d{2,5}\)[ ]?\d{3}[-. ]?\d{3,4}(?![\w-])"
    r"|(?<![\w.-])\d{3}([-. ])\d{3}[-. ]\d{4}(?![\w-])"
    r"|(?<![\w.,-])0\d{2,4}(?:[ ]\d{2,4}){2,4}(?![\w-])"
)
_IP = (
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)"
    r"|(?<![\w.:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"
)

_SUSPICIOUS = re.compile(r"@|:[^:]*:|\d\.\d{1,3}\.\d|[A-Za-z]{2}\d{2}[ A-Za-z0-9]{8}|(?:\d[^\d]*+){7}", re.DOTALL)
"""Texts without any of this hold none of the patterns: an @, two colons, dotted numbers, an IBAN's beginning, seven digits."""


def _is_card(found: str) -> bool:
    digits = [int(digit) for digit in found if digit.isdigit()]
    lead = int("".join(map(str, digits[:4])))
    length = len(digits)
    issued = (
        (digits[0] == 4 and length in (13, 16, 19))
        or (length == 16 and (5100 <= lead <= 5599 or 2221 <= lead <= 2720))
        or (length == 15 and (lead // 100 in (34, 37) or lead in (1800, 2131)))
        or (length in (16, 19) and (lead == 6011 or lead // 100 in (64, 65, 62, 35)))
        or (length == 14 and lead // 100 in (30, 36, 38, 39))
        or (12 <= length <= 19 and lead // 100 in (50, *range(56, 64), 67))
    )
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return issued and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(found: str) -> bool:
    text = found.replace(" ", "").upper()
    if not 15 <= len(text) <= 34 or not text.isascii():
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def _is_address(found: str) -> bool:
    try:
        return not ipaddress.ip_address(found).is_unspecified
    except ValueError:
        return False


def _always(found: str) -> bool:
    return True


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("email", re.compile(_EMAIL), _always),
    ("iban", re.compile(_IBAN), _is_iban),
    ("card", re.compile(_CARD), _is_card),
    ("ip", re.compile(_IP), _is_address),
    ("phone", re.compile(_PHONE), _always),
)

PATTERNS: tuple[str, ...] = tuple(kind for kind, _, _ in _KINDS)
"""The kinds of personal data that are looked for."""


def may_hold_patterns(text: str) -> bool:
    """A quick look: most categories hold no such characters."""
    return _SUSPICIOUS.search(text) is not None


def replace_patterns(text: str, kinds: Sequence[str], counts: Counter[str]) -> str:
    """Put `<kind>` where one of these kinds of personal data stands, and count it.

    >>> replace_patterns("call +49 151 23456789 or write to a@b.example", PATTERNS, Counter())
    'call <phone> or write to <email>'
    """
    if not may_hold_patterns(text):
        return text
    for kind, pattern, holds in _KINDS:
        if kind in kinds:
            text = _replace(text, kind, pattern, holds, counts)
    return text


def _replace(text: str, kind: str, pattern: re.Pattern[str], holds: Callable[[str], bool], counts: Counter[str]) -> str:
    def replaced(found: re.Match[str]) -> str:
        if not holds(found[0]):
            return found[0]
        counts[kind] += 1
        return f"<{kind}>"

    return pattern.sub(replaced, text)
