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
_CARD = r"(?<!\d)[1-68]\d{3}(?:[ .-]?\d){8,15}(?!\d)"
_CONTEXT = r"(?i:\b(?:tele)?phone|\btel|\bcall|\bcell|\bmobile|\bfax|\bsms|\bwhatsapp)[^\d\n]{0,24}?"
_PHONE = (
    r"(?:(?<![\w+])\+|(?<!\d)00)[1-9](?:[ ().-]{0,3}\d){6,14}(?!\d)"
    r"|(?<![\w(])\(\d{2,5}\)[ ]?\d{3,4}[-. ]?\d{3,4}(?:x\d{2,5})?(?![\w-])"
    r"|(?<![\w.-])\d{3}[-. ]\d{3}[-. ]\d{4}(?:x\d{2,5})?(?![\w-])"
    r"|(?<![\w.,-])0\d{2,4}(?:[ ]\d{2,4}){2,4}(?![\w-])"
    r"|(?<![\w.,-])0\d{2,4}[ -]\d{6,8}(?![\w-])"
    r"|(?<![\w.,-])\d{2}(?:-\d{2}){3,4}(?![\w-])"
    r"|(?<![\w.,-])\d{2}(?:\.\d{2}){4}(?![\w-]|\.\d)"
)
_IP = (
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?!\w|\.\d)"
    r"|(?<![\w.:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:/\d{1,3})?(?![\w:])"
)

_NUMBERED = re.compile(r"[^\d@:]*+\d{0,5}")
"""No digit, @ or colon but for a short number at the end, as in many categories and ids: too little for any of the kinds."""
_SIX_DIGITS = re.compile(r"\D*+(?:\d\D*+){6}")
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d")
_IBAN_START = re.compile(r"[A-Za-z]{2}\d{2}[ A-Za-z0-9]{8}")
_PHONE_MARK = re.compile(r"[+( .-]|00")

_MAESTRO = frozenset((5018, 5020, 5038, 5612, 5893, 6304, 6390, 6759, 6761, 6762, 6763, 604, *range(500, 503)))
_GROUPS = re.compile(r"\d{4}([ .-])\d{4}(?:\1\d{4}){1,2}(?:\1\d{1,3})?|\d{4}([ .-])\d{6}\2\d{4,5}")
"""How a card is written where it is not in one piece: in fours, or as American Express and Diners write it."""


def _is_card(found: str) -> bool:
    if not found.isdigit() and not _GROUPS.fullmatch(found):
        return False
    digits = [int(digit) for digit in found if digit.isdigit()]
    lead = int("".join(map(str, digits[:4])))
    length = len(digits)
    issued = (
        (digits[0] == 4 and length in (13, 16, 19))
        or (length == 16 and (5100 <= lead <= 5599 or 2221 <= lead <= 2720 or lead // 100 == 35))
        or (length == 16 and (lead == 6011 or 6440 <= lead <= 6599 or lead // 100 in (62, 81) or 2200 <= lead <= 2204))
        or (length == 15 and (lead // 100 in (34, 37) or lead in (1800, 2131)))
        or (length == 14 and (3000 <= lead <= 3059 or lead == 3095 or lead // 100 in (36, 38, 39)))
        or (12 <= length <= 19 and (lead in _MAESTRO or lead // 10 in _MAESTRO))
    )
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return issued and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(found: str) -> bool:
    text = found.replace(" ", "").upper()
    if not 15 <= len(text) <= 34 or not text.isascii():
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def _is_address(found: str) -> bool:
    address, slash, _ = found.partition("/")
    try:
        unspecified = ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False
    return not (unspecified or (slash and _is_network(found)))


def _is_network(found: str) -> bool:
    """Whether it names a network and not one machine in it."""
    try:
        network = ipaddress.ip_network(found)
    except ValueError:
        return False
    return network.num_addresses > 1


def _always(found: str) -> bool:
    return True


def _has_colons_or_dots(text: str) -> bool:
    return text.count(":") > 1 or text.count(".") > 2


def _has_phone_mark(text: str) -> bool:
    return _PHONE_MARK.search(text) is not None


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool], Callable[[str], bool]], ...] = (
    ("email", re.compile(_EMAIL), _always, lambda text: "@" in text),
    ("iban", re.compile(_IBAN), _is_iban, lambda text: len(text) >= 15),
    ("card", re.compile(_CARD), _is_card, lambda text: len(text) >= 12),
    ("ip", re.compile(_IP), _is_address, _has_colons_or_dots),
    ("phone", re.compile(_PHONE), _always, _has_phone_mark),
    ("phone", re.compile(_CONTEXT + r"(?P<found>\d(?:[ .-]?\d){5,11}(?:x\d{2,5})?)(?![\w-])"), _always, _always),
)
"""Each with its pattern, what a match has to be besides, and what the whole text has to be, which is quicker to see: ids of
requests are searched too, and there is one in every exchange."""

PATTERNS: tuple[str, ...] = tuple(dict.fromkeys(kind for kind, _, _, _ in _KINDS))
"""The kinds of personal data that are looked for."""


def may_hold_patterns(text: str) -> bool:
    """A quick look: an @, two colons, six digits, dotted numbers, an IBAN's beginning; most categories hold none of them."""
    if _NUMBERED.fullmatch(text) is not None:
        return False
    return (
        "@" in text
        or text.count(":") > 1
        or _SIX_DIGITS.match(text) is not None
        or ("." in text and _DOTTED.search(text) is not None)
        or (len(text) >= 12 and _IBAN_START.search(text) is not None)
    )


def meets_patterns(text: str, kinds: Sequence[str]) -> bool:
    """Whether anything in the text has the form of one of these kinds, whatever else it would have to be."""
    return any(kind in kinds and may(text) and pattern.search(text) is not None for kind, pattern, _, may in _KINDS)


def _marked(kind: str, found: str) -> str:
    return f"<{kind}>"


def replace_patterns(
    text: str, kinds: Sequence[str], counts: Counter[str], mark: Callable[[str, str], str] = _marked
) -> str:
    """Put `<kind>`, or what `mark` makes of it, where one of these kinds of personal data stands, and count it.

    >>> replace_patterns("call +49 151 23456789 or write to a@b.example", PATTERNS, Counter())
    'call <phone> or write to <email>'
    """
    if not may_hold_patterns(text):
        return text
    for kind, pattern, holds, may in _KINDS:
        if kind in kinds and may(text) and pattern.search(text) is not None:
            text = _replace(text, kind, pattern, holds, counts, mark)
    return text


def _replace(
    text: str,
    kind: str,
    pattern: re.Pattern[str],
    holds: Callable[[str], bool],
    counts: Counter[str],
    mark: Callable[[str, str], str],
) -> str:
    part = "found" if "found" in pattern.groupindex else 0

    def replaced(found: re.Match[str]) -> str:
        if not holds(found[part]):
            return found[0]
        counts[kind] += 1
        return text[found.start() : found.start(part)] + mark(kind, found[part])

    return pattern.sub(replaced, text)
