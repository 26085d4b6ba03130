"""A real Triton Inference Server on CPU, in an environment of its own (its Python library needs an older NumPy)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

from tests.system.services.process import STOP_SECONDS_MAX, answers, free_port, running_process, wait_until

REQUIREMENTS = ("nvidia-pytriton==0.7.0", "numpy<2")
DEBIAN_PYTHON = Path("/usr/bin/python3")
"""Triton's Python backend needs the shared library of the interpreter, which a self-built Python lacks."""
ENVIRONMENT = Path(__file__).parents[3] / ".services" / "triton"
"""Made once and kept: git ignores it."""
SCRIPT = Path(__file__).with_name("triton_serve.py")


@dataclass(frozen=True)
class Triton:
    """`address` is host:port of its HTTP door; `pid` leads the session of all its processes."""

    address: str
    pid: int


def installable() -> bool:
    """Whether Debian's Python is there to make the environment with (packages python3 and python3-venv)."""
    if not DEBIAN_PYTHON.exists():
        return False
    return subprocess.run([DEBIAN_PYTHON, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def environment() -> Path:
    """The interpreter of Triton's environment; the first call makes it (a minute, 200 MB)."""
    stamp, python = ENVIRONMENT / "installed", ENVIRONMENT / "venv" / "bin" / "python"
    wanted = "\n".join(REQUIREMENTS)
    if not stamp.exists() or stamp.read_text() != wanted:
        ENVIRONMENT.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        subprocess.run([DEBIAN_PYTHON, "-m", "venv", "--clear", ENVIRONMENT / "venv"], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    return python


def save_trees(model: GradientBoostingClassifier, path: Path) -> None:
    """A fitted model as plain arrays, one row a tree, so that the server needs no scikit-learn."""
    trees = [stage[0].tree_ for stage in model.estimators_]
    nodes = max(tree.node_count for tree in trees)
    shape = (len(trees), nodes)
    feature, left, right = (np.zeros(shape, np.int64) for _ in range(3))
    threshold, value = np.zeros(shape), np.zeros(shape)
    for i, tree in enumerate(trees):
        n, leaf, own = tree.node_count, tree.children_left < 0, np.arange(tree.node_count)
        # A leaf is its own child: walking on stays there, however deep the other trees are.
        left[i, :n] = np.where(leaf, own, tree.children_left)
        right[i, :n] = np.where(leaf, own, tree.children_right)
        feature[i, :n] = np.where(leaf, 0, tree.feature)
        threshold[i, :n] = tree.threshold
        value[i, :n] = model.learning_rate * tree.value[:, 0, 0]
    share = model.init_.class_prior_[1]
    np.savez(
        path,
        feature=feature,
        left=left,
        right=right,
        threshold=threshold,
        value=value,
        depth=max(tree.max_depth for tree in trees),
        initial=np.log(share / (1 - share)),
        width=model.n_features_in_,
    )


@contextmanager
def running_triton(folder: Path, name: str, trees: Path) -> Iterator[Triton]:
    """Serve the arrays of `save_trees` as model `name` until the block ends."""
    http, grpc, metrics = free_port(), free_port(), free_port()
    command = [str(environment()), str(SCRIPT), str(trees), name, *map(str, (http, grpc, metrics))]
    ready = f"http://127.0.0.1:{http}/v2/models/{name}/ready"
    # SIGTERM reaches the whole session: to the parent alone it would orphan the server.
    own = {"PYTRITON_HOME": str(ENVIRONMENT / "home")}
    with running_process(command, folder, lambda log: answers(ready), own) as process:
        yield Triton(f"127.0.0.1:{http}", process.pid)
    wait_until(lambda: not _alive(process.pid), STOP_SECONDS_MAX, "every process of Triton ends")


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
