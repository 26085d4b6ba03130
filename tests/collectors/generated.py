"""Messages by code that protoc generates from our .proto files: a second source for what our reader reads."""

import importlib.util
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

PROTOS = Path(__file__).parent / "decoders"


@cache
def generated(name: str = "infer") -> Any:
    """The module of NAME.proto; of `infer` with ModelInferRequest, ModelInferResponse and ModelStreamInferResponse."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"--python_out={folder}", f"{name}.proto"]
        subprocess.run(command, check=True, cwd=PROTOS, timeout=60)
        spec = importlib.util.spec_from_file_location(f"{name}_pb2", Path(folder) / f"{name}_pb2.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def request(**values: Any) -> Any:
    return generated().ModelInferRequest(**values)


def response(**values: Any) -> Any:
    return generated().ModelInferResponse(**values)


def wrapped(answer: Any = None, error: str = "") -> bytes:
    """An answer in a stream as Triton sends it."""
    return bytes(generated().ModelStreamInferResponse(error_message=error, infer_response=answer).SerializeToString())
