"""Names of persons, by the user's own list: no pattern tells a name from another word."""

import re
from collections import Counter
from collections.abc import Callable

NAMES_MAX = 200_000
"""Some tens of megabytes; larger lists hold mostly ordinary words."""
WORDS_MAX = 4
"""Of one name on the list, such as `Anna Maria O'Neill`, where hyphens and apostrophes divide too."""

_WORD = re.compile(r"[^\W\d_]+")


def names_from(text: str) -> frozenset[str]:
    """One name a line; empty lines and those that begin with # are not. Raises ValueError."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    names = frozenset(line.casefold() for line in lines if line and not line.startswith("#"))
    if len(names) > NAMES_MAX:
        raise ValueError(f"redaction_names_file: found {len(names)} names, expected at most {NAMES_MAX}")
    words = max((len(_WORD.findall(name)) for name in names), default=0)
    if words > WORDS_MAX:
        raise ValueError(f"redaction_names_file: found {words} words in one name, expected at most {WORDS_MAX}")
    return names


def _marked(found: str) -> str:
    return "<name>"


def replace_names(text: str, names: frozenset[str], counts: Counter[str], mark: Callable[[str], str] = _marked) -> str:
    """Put `<name>`, or what `mark` makes of it, where one on the list stands, whatever its case, the longest first.

    >>> replace_names("Ask ANNA Rossi or Anna.", names_from("Anna\\nAnna Rossi"), Counter())
    'Ask <name> or <name>.'
    """
    words = list(_WORD.finditer(text))
    pieces: list[str] = []
    done = position = 0
    while position < len(words):
        for count in range(min(WORDS_MAX, len(words) - position), 0, -1):
            begin, end = words[position].start(), words[position + count - 1].end()
            if " ".join(text[begin:end].split()).casefold() in names:
                counts["name"] += 1
                pieces += (text[done:begin], mark(text[begin:end]))
                done = end
                position += count - 1
                break
        position += 1
    return "".join((*pieces, text[done:])) if pieces else text
