"""A metrics page in Prometheus' text format → samples, bounded. Pure; the format is read by Prometheus' own client."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

SAMPLES_MAX = 50_000
"""Of one page: a Triton with a hundred models, or vLLM with all histograms, has some thousands."""

LINE_CHARS_MAX = 16_384
"""The parser's time grows with the square of what a line has in labels."""


VALUE_MAX = 2.0**53
"""Beyond it a double counts no more; nothing that we read is negative, infinite or not a number either."""

NO_VALUE = 2.0**63
"""What DCGM's sentinels (2^63 - 16 and the next) are as doubles."""


class MalformedPage(ValueError):
    """Not a metrics page, or one that is too large."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: names of labels in lower case, because exporters changed theirs."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples_of(page: str, wanted: tuple[str, ...]) -> list[Sample]:
    """The samples whose names begin with one of `wanted`; a value that cannot be is left out. Raises MalformedPage."""
    lines = [line for line in page.splitlines() if line.startswith(wanted)]
    if len(lines) > SAMPLES_MAX:
        raise MalformedPage(f"{len(lines)} samples, expected at most {SAMPLES_MAX}")
    if any(len(line) > LINE_CHARS_MAX for line in lines):
        raise MalformedPage(f"a line of more than {LINE_CHARS_MAX} characters")
    try:
        families = list(text_string_to_metric_families("\n".join(lines) + "\n"))
    except (ValueError, KeyError, IndexError) as error:
        raise MalformedPage(f"not Prometheus' text format ({str(error)[:200]})") from error
    return [
        Sample(sample.name, {key.lower(): value for key, value in sample.labels.items()}, float(sample.value))
        for family in families
        for sample in family.samples
        if 0 <= sample.value <= VALUE_MAX or float(sample.value) == NO_VALUE
    ]


def total(samples: Iterable[Sample]) -> float | None:
    """Their sum, or None of none."""
    values = [sample.value for sample in samples]
    return sum(values) if values else None
