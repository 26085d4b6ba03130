"""Names of a user's list are found as words, whatever their case; parts of other words are not."""

from collections import Counter

import pytest

from collectors.redaction.names import NAMES_MAX, names_from, replace_names

LISTED = names_from("# clients\nAnna\nAnna Maria Rossi\n\n  Jean-Luc   Picard \nO’Brien\nMüller\n")


@pytest.mark.parametrize(
    ("text", "expected", "count"),
    [
        ("anna wrote to MÜLLER", "<name> wrote to <name>", 2),
        ("Anna Maria Rossi, Anna", "<name>, <name>", 2),
        ("Jean-Luc\n Picard?", "<name>?", 1),
        ("O’Brien's", "<name>'s", 1),
        ("of-Anna_7", "of-<name>_7", 1),
        ("Annapolis and Hanna", "Annapolis and Hanna", 0),
        ("", "", 0),
    ],
)
def test_names_are_found_as_words(text, expected, count):
    """The longest one first."""
    counts: Counter[str] = Counter()
    assert replace_names(text, LISTED, counts) == expected
    assert counts["name"] == count


@pytest.mark.parametrize("text", ["a b c d e\n", "\n".join(f"n{number}" for number in range(NAMES_MAX + 1))])
def test_a_list_that_cannot_be_used_is_refused(text):
    """With what is wrong with it."""
    with pytest.raises(ValueError, match="redaction_names_file"):
        names_from(text)
