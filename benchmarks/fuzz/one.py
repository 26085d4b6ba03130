"""The process of one harness: `python -m benchmarks.fuzz.one HARNESS [libFuzzer's options]`."""

import importlib
import sys

import atheris


def main() -> None:
    """Ends the process."""
    with atheris.instrument_imports(include=["collectors"]):
        harnesses = importlib.import_module("tests.fuzz.harnesses").HARNESSES
    harness = harnesses[sys.argv[1]]

    def take(data: bytes) -> None:
        harness.take(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
