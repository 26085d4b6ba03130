"""The messages of infer.proto by code that protoc generates: a second source for what our reader reads."""

import importlib.util
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

PROTO = Path(__file__).parent / "decoders" / "infer.proto"


@cache
def generated() -> Any:
    """The module with ModelInferRequest, ModelInferResponse and ModelStreamInferResponse."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO.parent}", f"--python_out={folder}", PROTO.name]
        subprocess.run(command, check=True, cwd=PROTO.parent, timeout=60)
        spec = importlib.util.spec_from_file_location("infer_pb2", Path(folder) / "infer_pb2.py")
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
