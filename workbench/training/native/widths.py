"""The widths of tiles, and code that is generated for each of them.

A width that is not known when compiling costs half the speed, and a second set of kernels costs its compilation: so
the kernels take any width, and the formulas in their inner loops are switches between bodies for one width each.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

WIDTHS = (16, 32, 64)  # numbers of images that are processed together
TILE = WIDTHS[-1]


def width_for(images: int) -> int:
    """The width of tiles that hold this many images at a time: the least that suffices, or the greatest there is."""
    return next((width for width in WIDTHS if images <= width), TILE)


def for_each(widths: Sequence[int], formula: Callable[..., Any]) -> Callable[..., Any]:
    """What generates code that takes a width before other arguments, and runs the formula's body for this width.

    A formula generates its body by an emitter, its first argument, and returns the result of the body or None. A width
    that is not among `widths` counts as the last of them.
    """

    @functools.wraps(formula)
    def generate(code: Any, width: Any, *arguments: Any) -> Any:
        builder = code.builder
        *others, last, after = [builder.append_basic_block(f"width{each}") for each in (*widths, "after")]
        switch = builder.switch(width, last)
        results = []
        for each, block in zip(widths, (*others, last), strict=True):
            if block is not last:
                switch.add_case(ir.Constant(width.type, each), block)
            builder.position_at_end(block)
            results.append((formula(type(code)(builder, each), *arguments), builder.block))
            builder.branch(after)
        builder.position_at_end(after)
        if results[0][0] is None:
            return None
        joined = builder.phi(results[0][0].type)
        for result in results:
            joined.add_incoming(*result)
        return joined

    code, *arguments = inspect.signature(formula).parameters.values()
    taken = [code, code.replace(name="width"), *arguments]
    generate.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
    return generate
