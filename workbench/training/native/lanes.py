"""Which lanes to add when the lanes of many vectors are summed up together, without any code."""

from __future__ import annotations

from llvmlite import binding

LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8
"""Floats in one vector: as many as a register of the processor holds; LLVM splits vectors where it holds fewer."""

HALVES = (8, 4, 2, 1) if LANES == 16 else (4, 2, 1)
"""Lanes that are added to as many others, step by step, until there is one sum."""


def first_halves(size: int) -> list[int]:
    """Lanes of two vectors, numbered through, whose sum with the lanes `size` further on halves both.

    Small halves are taken within quarters, which processors do at once.
    """
    block = max(2 * size, 4)
    return [
        vector + start + lane
        for base in range(0, LANES, block)
        for vector in (0, LANES)
        for start in range(base, base + block, 2 * size)
        for lane in range(size)
    ]


def order_of(count: int) -> dict[int, int]:
    """Which of `count` vectors, added up by halves, arrive first, second, …, and a lane that each arrives in."""
    level = [[leaf] * LANES for leaf in range(count)]
    for size in HALVES:
        pairs = [(level[i], level[(i + 1) % len(level)]) for i in range(0, len(level), 2)]
        level = [[(a + b)[lane] for lane in first_halves(size)] for a, b in pairs]
    return {leaf: level[0].index(leaf) for leaf in dict.fromkeys(level[0])}
