"""Every reader of foreign bytes on ten thousand inputs with faults: read or refused, in bounded time and memory.

The inputs begin from the corpus that coverage-guided fuzzing left (`python -m benchmarks.fuzz.run`) and from the seeds.
"""

import os
import resource
import time

import pytest

from collectors.decoders.registry import Registry
from tests.fuzz.calls import ROUTE
from tests.fuzz.corpus import CORPUS_BYTES_MAX, FOLDER, read_corpus
from tests.fuzz.harnesses import HARNESSES
from tests.fuzz.mutator import mutated

INPUTS = int(os.environ.get("OUTRIDER_FUZZ_INPUTS", "10000"))
"""Per harness; a deep run asks for more."""

SECONDS_MAX = 10.0
"""For one input of some kilobytes: what takes longer hangs."""

GROWTH_KIB_MAX = 400 * 1024
"""Of the process while one harness runs: one input may inflate to 64 MiB, and be copied on its way."""


@pytest.mark.parametrize("name", list(HARNESSES))
def test_hostile_bytes_are_read_or_refused(name: str) -> None:
    """Nothing else is raised; no input takes long, and the memory stays bounded."""
    harness = HARNESSES[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    corpus = [*harness.seeds, *read_corpus(name)]
    slowest, read, refused = 0.0, 0, 0
    for data in mutated(name, corpus, INPUTS):
        began = time.process_time()
        try:
            taken = harness.take(data)
        except Exception as error:
            raise AssertionError(f"{name}: {data[:2000].hex()}") from error
        slowest = max(slowest, time.process_time() - began)
        read, refused = read + taken, refused + (not taken)
    assert slowest < SECONDS_MAX
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_KIB_MAX
    assert read
    assert refused or name == "compression"


@pytest.mark.parametrize("name", list(HARNESSES))
def test_seeds_are_read_as_they_are(name: str) -> None:
    """So that faults begin from what is right."""
    harness = HARNESSES[name]
    assert any(map(harness.take, harness.seeds))


def test_every_decoder_has_a_harness() -> None:
    """One that joins the registry brings its seeds."""
    assert {each.name for each in Registry(routes=[ROUTE]).decoders} <= set(HARNESSES)


def test_the_corpus_is_small_and_of_harnesses() -> None:
    """It is carried by everyone who clones."""
    files = sorted(FOLDER.glob("*"))
    assert {path.stem for path in files} <= set(HARNESSES)
    assert all(path.stat().st_size <= CORPUS_BYTES_MAX for path in files)
