"""A real Triton Inference Server on CPU, in an environment of its own (its Python library needs an older NumPy)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

from tests.system.services.environment import SERVICES, interpreter, script
from tests.system.services.process import STOP_SECONDS_MAX, answers, free_port, running_process, wait_until

HOME = SERVICES / "triton" / "home"


@dataclass(frozen=True)
class Triton:
    """`address` is host:port of its HTTP door, `grpc` of the other; `pid` leads the session of all its processes."""

    address: str
    grpc: str
    metrics: str
    pid: int


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
    with _running(folder, "triton_serve", [trees, name], name) as triton:
        yield triton


@contextmanager
def running_triton_models(folder: Path) -> Iterator[Triton]:
    """Serve the models of `scripts/triton_models.py` until the block ends."""
    with _running(folder, "triton_models", [], "count") as triton:
        yield triton


@contextmanager
def _running(folder: Path, program: str, arguments: Sequence[object], last_model: str) -> Iterator[Triton]:
    http, grpc, metrics = free_port(), free_port(), free_port()
    command = [str(interpreter("triton")), str(script(program)), *map(str, (*arguments, http, grpc, metrics))]
    ready = f"http://127.0.0.1:{http}/v2/models/{last_model}/ready"
    # SIGTERM reaches the whole session: to the parent alone it would orphan the server.
    with running_process(command, folder, lambda log: answers(ready), {"PYTRITON_HOME": str(HOME)}) as process:
        yield Triton(*(f"127.0.0.1:{port}" for port in (http, grpc, metrics)), process.pid)
    wait_until(lambda: not _alive(process.pid), STOP_SECONDS_MAX, "every process of Triton ends")


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
