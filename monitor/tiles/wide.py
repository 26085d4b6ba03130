"""Steps of the inner loops that a plain loop does not become: eight doubles in one register, a pair, a line asked for ahead.

Written in the compiler's own language, which knows no fused and no re-ordered arithmetic unless it is told to: the same
bits on every machine, in narrower registers where it has no wider ones. What would be quicker on some and much slower on
others (a gather from a table) is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

Float64 = npt.NDArray[np.float64]

SQUARE_LANES = 64
"""Sums of squares beside each other: row i belongs to lane i modulo this. Rows of one step of `moments`."""
END_LANES = 16
"""Ends beside each other: which lane a row belongs to does not matter to them."""
WIDTH = 8
"""Doubles of the widest register."""
DOUBLE, INDEX = ir.DoubleType(), ir.IntType(32)
PAIR, WIDE = ir.VectorType(DOUBLE, 2), ir.VectorType(DOUBLE, WIDTH)
DOUBLE_BYTES = 8
BYTES = ir.IntType(8).as_pointer()
PREFETCH = "llvm.prefetch.p0"
NEVER_LEAVES, TO_READ, OF_DATA = INDEX(3), INDEX(0), INDEX(1)
"""How `PREFETCH` says what a line is wanted for."""


def _start(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array).data


def _vector(builder: Any, start: Any, at: Any, kind: Any) -> Any:
    """Where the vector begins whose first number is `start[at]`."""
    return builder.bitcast(builder.gep(start, [at]), kind.as_pointer())


def _add_pair(_: Any, lanes: Any, at: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _vector(builder, _start(context, builder, signature.args[0], arguments[0]), arguments[1], PAIR)
        more = builder.insert_element(ir.Constant(PAIR, [0.0, 1.0]), arguments[2], INDEX(0))
        builder.store(builder.fadd(builder.load(place, align=DOUBLE_BYTES), more), place, align=DOUBLE_BYTES)
        return context.get_dummy_value()

    return types.void(lanes, types.uint64, types.float64), generate


def _ask_for(_: Any, x: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.gep(_start(context, builder, signature.args[0], arguments[0]), [arguments[1]])
        asked = ir.FunctionType(ir.VoidType(), [BYTES, INDEX, INDEX, INDEX])
        function = builder.module.globals.get(PREFETCH) or ir.Function(builder.module, asked, PREFETCH)
        builder.call(function, [builder.bitcast(place, BYTES), TO_READ, NEVER_LEAVES, OF_DATA])
        return context.get_dummy_value()

    return types.void(x, types.uint64), generate


def _moments(_: Any, x: Any, at: Any, center: Any, squares: Any, least: Any, most: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        starts = [_start(context, builder, signature.args[k], arguments[k]) for k in (0, 3, 4, 5)]
        rows = builder.gep(starts[0], [arguments[1]])
        steps = [ir.IntType(64)(k) for k in range(0, SQUARE_LANES, WIDTH)]
        ends = steps[: END_LANES // WIDTH]
        sums, low, high = (
            [_vector(builder, start, k, WIDE) for k in lanes]
            for start, lanes in zip(starts[1:], (steps, ends, ends), strict=True)
        )
        lows = [builder.load(place, align=DOUBLE_BYTES) for place in low]
        highs = [builder.load(place, align=DOUBLE_BYTES) for place in high]
        about = builder.insert_element(ir.Constant(WIDE, ir.Undefined), arguments[2], INDEX(0))
        about = builder.shuffle_vector(about, about, ir.Constant(ir.VectorType(INDEX, WIDTH), [0] * WIDTH))
        for i, k in enumerate(steps):
            values = builder.load(_vector(builder, rows, k, WIDE), align=DOUBLE_BYTES)
            offset = builder.fsub(values, about)
            total = builder.fadd(builder.load(sums[i], align=DOUBLE_BYTES), builder.fmul(offset, offset))
            builder.store(total, sums[i], align=DOUBLE_BYTES)
            own = i % len(ends)
            lows[own] = builder.select(builder.fcmp_ordered("<", values, lows[own]), values, lows[own])
            highs[own] = builder.select(builder.fcmp_ordered(">", values, highs[own]), values, highs[own])
        for found, place in zip((*lows, *highs), (*low, *high), strict=True):
            builder.store(found, place, align=DOUBLE_BYTES)
        return context.get_dummy_value()

    return types.void(x, types.uint64, types.float64, squares, least, most), generate


add_pair = cast("Callable[[Float64, np.uint64, float], None]", intrinsic(_add_pair))
"""Add (x, 1) to (lanes[at], lanes[at + 1]) at once."""
ask_for = cast("Callable[[Float64, np.uint64], None]", intrinsic(_ask_for))
"""Have the line of cache that holds x[at] fetched meanwhile; harmless where there is no such place."""
moments = cast("Callable[[Float64, np.uint64, float, Float64, Float64, Float64], None]", intrinsic(_moments))
"""Of the SQUARE_LANES rows of x from `at` on: add (x - center)^2 to the lanes `squares`, lower `least`, raise `most`."""
