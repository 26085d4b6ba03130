"""Run in Triton's environment: serves boosted trees from a file of arrays. serve MODEL.npz NAME HTTP GRPC METRICS.

Input `x`, FP32 [n, features]; output `score`, FP32 [n, 1].
"""

import sys

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

BATCH_ROWS_MAX = 1_000


def main(path: str, name: str, http: str, grpc: str, metrics: str) -> None:
    trees = dict(np.load(path))
    feature, threshold, value = trees["feature"], trees["threshold"], trees["value"]
    children = np.stack([trees["left"], trees["right"]], axis=-1)
    tree = np.arange(len(feature))

    @batch
    def score(x):
        node = np.zeros((len(x), len(feature)), np.int64)
        row = np.arange(len(x))[:, None]
        for _ in range(int(trees["depth"])):
            right = x[row, feature[tree, node]] > threshold[tree, node]
            node = children[tree, node, right.astype(np.int64)]
        raw = trees["initial"] + value[tree, node].sum(axis=1)
        return [(1 / (1 + np.exp(-raw))).astype(np.float32)[:, None]]

    config = TritonConfig(
        http_address="127.0.0.1",
        http_port=int(http),
        grpc_address="127.0.0.1",
        grpc_port=int(grpc),
        metrics_address="127.0.0.1",
        metrics_port=int(metrics),
        allow_gpu_metrics=False,
    )
    with Triton(config=config) as triton:
        triton.bind(
            model_name=name,
            infer_func=score,
            inputs=[Tensor(name="x", dtype=np.float32, shape=(int(trees["width"]),))],
            outputs=[Tensor(name="score", dtype=np.float32, shape=(1,))],
            config=ModelConfig(max_batch_size=BATCH_ROWS_MAX),
        )
        triton.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
