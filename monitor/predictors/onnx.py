"""Port `Predictor` through ONNX Runtime: the model's own function from its ONNX file, for explanation.

ONNX Runtime 1.31 for Linux sends usage events to its makers and leaves a device id in the home folder. Only the
environment variable ORT_DISABLE_TELEMETRY, set before the first import, prevents both (`disable_telemetry_events()` is
too late: by then the name of the collecting server has been looked up). So nothing else may import onnxruntime.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from collectors.records.categories import canonical_category
from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput, Unavailable
from monitor.ports import Predictor
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.rows import Column, Rows

F64 = npt.NDArray[np.float64]

MODEL_BYTES_MAX = 2 * 1024**3
"""What one ONNX file can hold (protobuf's own limit)."""
CALL_ROWS_MAX = 65_536
"""Rows of one run: bounds what the runtime allocates for its intermediate tensors."""
TEXTS_MAX = 100_000
"""Distinct texts remembered for inputs of type string; rows with further ones are not scored."""
THREADS = 1
"""Explanations run in a process of a pool: more threads would fight with its neighbours."""
CUDA_LIBRARIES = (("libcuda.so.1",), ("libcublasLt.so.12", "libcublasLt.so.13"), ("libcudnn.so.9",))
"""What the CUDA provider needs, one of each; asked for without them, ONNX Runtime complains and goes on without."""
_SILENT = 4
"""Severity `fatal`: faults reach us as exceptions and are not printed too."""

_NUMBERS: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}
_WHOLE: dict[str, type[np.integer[Any] | np.bool_]] = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint64)": np.uint64,
    "tensor(uint32)": np.uint32,
    "tensor(uint16)": np.uint16,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}
_TEXT = "tensor(string)"


@dataclass(frozen=True, slots=True)
class _Input:
    """One input of the graph: which columns of the matrix it takes, and as what."""

    name: str
    type: str
    columns: tuple[int, ...]
    shape: tuple[int, ...]
    """Shape of one row; () where the input has the batch axis only."""


class OnnxPredictor(Predictor):
    """Scores rows with an ONNX model on the CPU, or on a GPU where its libraries load.

    `features` name the columns in the model's order; `inputs` says which of them each graph input takes (empty: as
    `tensors` say where they name every input, else all of them where there is one input, else the feature of the input's
    own name). `output` names the output that holds the score (empty: the first of `preferred` that is one, else the last
    probability or number, else the label). `positive` is the class whose score is asked for.
    """

    def __init__(
        self,
        path: Path | str,
        features: Sequence[str],
        *,
        inputs: Mapping[str, Sequence[str]] | None = None,
        tensors: Mapping[str, Sequence[str]] | None = None,
        output: str | None = None,
        preferred: Sequence[str] = (),
        positive: object = None,
        threads: int = THREADS,
    ) -> None:
        self._path = Path(path)
        self._positive = canonical_category(positive)
        self._texts: dict[str, int] = {}
        self._session = _session(self._path, threads)
        self._features, self._inputs = self._match(tuple(features), inputs or {}, tensors or {})
        self._output = self._choose_output(output, preferred)
        self._batch = self._fixed_batch()
        self._probe()

    @classmethod
    def of(cls, model: MonitoredModel, folder: Path = Path()) -> OnnxPredictor:
        """The predictor that a declaration asks for; a relative file name is one in `folder`. Raises InvalidInput."""
        explain = model.explain
        if explain is None or explain.onnx is None:
            raise InvalidInput(Fault("explain.onnx", "nothing", "the path of an ONNX model"))
        return cls(
            folder / explain.onnx,
            [feature.name for feature in model.features],
            inputs=explain.inputs,
            tensors={name: columns for name, columns in model.tensors.items() if columns != "vector"},
            output=explain.output,
            preferred=model.prediction.columns,
            positive=model.label.positive if model.label else None,
        )

    @property
    def features(self) -> tuple[str, ...]:
        return self._features

    def matrix(self, rows: Rows) -> F64:
        textual = {c for i in self._inputs if i.type == _TEXT for c in i.columns}
        found = np.full((len(rows), len(self._features)), np.nan)
        for i, name in enumerate(self._features):
            if name in rows.columns:
                column = rows.columns[name]
                found[:, i] = self._codes(column) if i in textual else _floats(column)
        return found

    def predict(self, rows: F64) -> F64:
        scores = np.full(len(rows), np.nan)
        usable = np.nonzero(self._usable(rows))[0]
        for start in range(0, len(usable), CALL_ROWS_MAX):
            part = usable[start : start + CALL_ROWS_MAX]
            scores[part] = self._run(rows[part])
        return scores

    def _match(
        self, features: tuple[str, ...], mapping: Mapping[str, Sequence[str]], tensors: Mapping[str, Sequence[str]]
    ) -> tuple[tuple[str, ...], tuple[_Input, ...]]:
        nodes = self._session.get_inputs()
        names = [node.name for node in nodes]
        if not mapping and all(name in tensors for name in names):
            mapping = {name: tensors[name] for name in names}
        elif not mapping:
            mapping = {names[0]: features} if len(names) == 1 else {name: (name,) for name in names}
        faults = [self._fault("inputs", f"input {name!r}", _one_of(names)) for name in mapping if name not in names]
        faults += [
            self._fault("inputs", f"no columns for {n!r}", "columns for each input") for n in names if n not in mapping
        ]
        taken = [column for name in names for column in mapping.get(name, ())]
        faults += [
            self._fault(
                "inputs", f"column {column!r}", "one of the model's features, or `explain.inputs` that names them"
            )
            for column in taken
            if column not in features
        ]
        if faults:
            raise InvalidInput(faults)
        used = tuple(name for name in features if name in taken)
        found = tuple(self._input(node, tuple(used.index(c) for c in mapping[node.name])) for node in nodes)
        return used, found

    def _input(self, node: Any, columns: tuple[int, ...]) -> _Input:
        if node.type not in _NUMBERS and node.type not in _WHOLE and node.type != _TEXT:
            raise InvalidInput(self._fault(node.name, node.type, "an input of numbers, booleans or strings"))
        # A free axis is a text or None; at most one of the inner ones may be, and holds what the others leave over.
        inner = [axis if isinstance(axis, int) and axis > 0 else 0 for axis in node.shape[1:]]
        known = int(np.prod([axis for axis in inner if axis], dtype=np.int64))
        count = len(columns)
        fits = count % known == 0 if inner.count(0) == 1 else known == count and not inner.count(0)
        if not fits:
            expected = f"{known} columns for its shape {node.shape}"
            raise InvalidInput(self._fault(f"input {node.name}", f"{count} columns", expected))
        return _Input(node.name, node.type, columns, tuple(axis or count // known for axis in inner))

    def _choose_output(self, asked: str | None, preferred: Sequence[str]) -> Any:
        nodes = self._session.get_outputs()
        if asked is not None:
            found = [node for node in nodes if node.name == asked]
            if not found:
                raise InvalidInput(self._fault("output", repr(asked), _one_of([node.name for node in nodes])))
            return found[0]
        by_name = {node.name: node for node in nodes}
        if named := [by_name[name] for name in preferred if name in by_name]:
            return named[0]
        scores = [node for node in nodes if node.type in _NUMBERS or node.type.startswith("seq(map(")]
        return (scores or nodes)[-1]

    def _fixed_batch(self) -> int | None:
        """The batch axis where the graph fixes it: rows are then sent in such portions."""
        fixed = {n.shape[0] for n in self._session.get_inputs() if n.shape and isinstance(n.shape[0], int)}
        if len(fixed) > 1:
            raise InvalidInput(self._fault("inputs", f"batch axes of {sorted(fixed)}", "one batch axis for all inputs"))
        return fixed.pop() if fixed else None

    def _probe(self) -> None:
        """Score one row of zeros, so that what cannot work is said at the start."""
        try:
            self._run(np.zeros((1, len(self._features))))
        except Unavailable as error:
            raise InvalidInput(self._fault("a row of zeros", error.cause, "a score")) from error

    def _usable(self, rows: F64) -> npt.NDArray[np.bool_]:
        """Rows whose values each input can hold: whole numbers have no NaN, no fraction and a range, texts have a code."""
        usable = np.ones(len(rows), np.bool_)
        for node in self._inputs:
            if node.type not in _NUMBERS:
                low, high = _range(node.type)
                part = rows[:, list(node.columns)]
                usable &= ((part >= low) & (part <= high) & (part == np.floor(part))).all(axis=1)
        return usable

    def _run(self, rows: F64) -> F64:
        size = self._batch or max(len(rows), 1)
        found = []
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            filled = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
            feed = {node.name: self._tensor(node, filled) for node in self._inputs}
            try:
                outputs = self._session.run([self._output.name], feed)
            except Exception as error:  # The binding's errors share no base class below Exception.
                raise Unavailable(str(self._path), str(error)) from error
            found.append(self._scores(outputs[0], len(filled))[: len(part)])
        return np.concatenate(found)

    def _tensor(self, node: _Input, rows: F64) -> npt.NDArray[Any]:
        values = rows[:, list(node.columns)].reshape(len(rows), *node.shape)
        if node.type == _TEXT:
            texts = np.array([*self._texts, ""], dtype=object)
            return texts[np.clip(values.astype(np.int64), 0, len(texts) - 1)]
        with np.errstate(over="ignore"):  # beyond float32 a number is infinite, as it would be on the wire
            return np.ascontiguousarray(values, dtype=_NUMBERS.get(node.type) or _WHOLE[node.type])

    def _scores(self, output: Any, rows: int) -> F64:
        """The positive class's score, whatever form the output has."""
        if isinstance(output, list):
            return np.array([self._of_map(classes) for classes in output], np.float64)
        if output.dtype.kind in "OSU" or (output.dtype.kind in "iub" and self._positive is not None):
            wanted = self._positive if self._positive is not None else "1"
            labels = output.reshape(rows, -1)[:, 0].tolist()
            return np.array([canonical_category(label) == wanted for label in labels], np.float64)
        scores = np.asarray(output, np.float64).reshape(rows, -1)
        return scores[:, self._column(scores.shape[1])]

    def _column(self, columns: int) -> int:
        if columns == 1:
            return 0
        if self._positive is not None and self._positive.isdigit() and int(self._positive) < columns:
            return int(self._positive)
        if columns == 2:
            return 1
        found = f"{columns} columns and the positive class {self._positive!r}"
        expected = "one or two columns, or a positive class that is a column's number"
        raise InvalidInput(self._fault(f"output {self._output.name}", found, expected))

    def _of_map(self, classes: Mapping[Any, float]) -> float:
        by_name = {canonical_category(name): score for name, score in classes.items()}
        if self._positive in by_name:
            return by_name[self._positive]
        if self._positive is None and len(by_name) <= 2:
            return list(by_name.values())[-1]
        expected = "the class " + repr(self._positive) if self._positive is not None else "a positive class to choose"
        raise InvalidInput(self._fault(f"output {self._output.name}", _one_of(list(map(str, by_name))), expected))

    def _codes(self, column: Column) -> F64:
        """Numbers that stand for texts within this predictor, NaN for a missing one."""
        return _looked_up(column, self._code)

    def _code(self, text: str) -> float:
        if text not in self._texts and len(self._texts) >= TEXTS_MAX:
            return np.nan
        return float(self._texts.setdefault(text, len(self._texts)))

    def _fault(self, place: str, found: str, expected: str) -> Fault:
        return Fault(f"{self._path}, {place}", found, expected)


def _session(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise InvalidInput(Fault(str(path), "no file", "an ONNX model"))
    if (size := path.stat().st_size) > MODEL_BYTES_MAX:
        raise InvalidInput(Fault(str(path), f"{size} bytes", f"an ONNX model of at most {MODEL_BYTES_MAX}"))
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415  (only after the telemetry is off)

    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(_SILENT)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = threads
    options.log_severity_level = _SILENT
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=_providers(onnxruntime.get_available_providers())
        )
    except Exception as error:  # The binding's errors share no base class below Exception.
        raise InvalidInput(Fault(str(path), str(error), "an ONNX model that this ONNX Runtime can load")) from error


def _providers(available: Sequence[str]) -> list[str]:
    if "CUDAExecutionProvider" in available and all(any(map(_loads, names)) for names in CUDA_LIBRARIES):
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _range(kind: str) -> tuple[float, float]:
    """The least and the largest value of an input that holds no fractions; of a text, of its code."""
    if kind == "tensor(bool)":
        return 0.0, 1.0
    info = np.iinfo(np.dtype(_WHOLE.get(kind, np.int64)))
    # The largest double within the type: its own maximum may round up beyond it.
    return float(info.min), float(np.nextafter(float(info.max) + 1.0, 0.0))


def _floats(column: Column) -> F64:
    """Numbers as they are; of categories those that spell a number, true and false as 1 and 0; the rest NaN."""
    if column.values.dtype.kind == "O":
        return _looked_up(column, _spelled)
    values, missing = numbers(column)
    return values if missing is None else np.where(missing, np.nan, values)


def _looked_up(column: Column, number_of: Callable[[str], float]) -> F64:
    """A number for each distinct category, NaN for a missing one."""
    coded = encode(column, ())
    table = np.array([*map(number_of, coded.unseen), np.nan], np.float64)
    return table[np.where(coded.codes == MISSING, len(coded.unseen), coded.codes - 1)]


def _spelled(name: str) -> float:
    if name in ("true", "false"):
        return float(name == "true")
    try:
        return float(name)
    except ValueError:
        return np.nan


def _one_of(names: Sequence[str]) -> str:
    return "one of " + ", ".join(names)
