"""Run in Triton's environment: models that answer what they were asked, and one that answers several times.

triton_models HTTP GRPC METRICS. `echo` takes every kind of tensor, `o_NAME` comes back for each; `count` is decoupled:
`n` FP32 [1] is answered n times, with 0 to n - 1. `half` has one input, so that it may be asked with nothing but bytes.
"""

import sys

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

KINDS = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "i64": np.int64,
    "i32": np.int32,
    "u8": np.uint8,
    "flag": np.bool_,
    "text": np.bytes_,
}


@batch
def half(x):
    return [x / 2]


@batch
def echo(**inputs):
    return {f"o_{name}": value for name, value in inputs.items()}


def count(requests):
    """Not batched: a generator that answers requests one by one, each as often as it asks."""
    (request,) = requests
    for i in range(int(request.data["n"][0])):
        yield [{"i": np.full_like(request.data["n"], i)}]


def main(http: str, grpc: str, metrics: str) -> None:
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
            model_name="echo",
            infer_func=echo,
            inputs=[Tensor(name=n, dtype=t, shape=(-1,), optional=True) for n, t in KINDS.items()],
            outputs=[Tensor(name=f"o_{n}", dtype=t, shape=(-1,)) for n, t in KINDS.items()],
            config=ModelConfig(max_batch_size=64),
        )
        triton.bind(
            model_name="half",
            infer_func=half,
            inputs=[Tensor(name="x", dtype=np.float32, shape=(2,))],
            outputs=[Tensor(name="y", dtype=np.float32, shape=(2,))],
            config=ModelConfig(max_batch_size=4),
        )
        triton.bind(
            model_name="count",
            infer_func=count,
            inputs=[Tensor(name="n", dtype=np.float32, shape=(1,))],
            outputs=[Tensor(name="i", dtype=np.float32, shape=(1,))],
            config=ModelConfig(batching=False, decoupled=True),
        )
        triton.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
