"""A network as text, before and after a mutation."""

from __future__ import annotations

from workbench.pictures import Line

NAMES = {"v0": "features", "v2": "prediction", "m0": "kept after training"}


def line(key: str, section: str, text: str, writes: str, *reads: str, live: bool = True, flops: int = 0) -> Line:
    """A line in which names have meanings."""
    return Line(key, section, text, live, writes, reads, flops, NAMES)


BEFORE = [
    line("1", "Setup", "m0 = gaussian(0, 0.1)", "m0", flops=8192),
    line("2", "Predict", "v3 = |v0|", "v3", "v0", flops=64),
    line("4", "Predict", "v2 = m0 · v0", "v2", "m0", "v0", flops=8192),
    line("5", "Learn", "m1 = v2 ⊗ v0", "m1", "v2", "v0", flops=4096),
    line("6", "Learn", "m0 = m0 + m1", "m0", "m0", "m1", flops=4096),
]
AFTER = [
    BEFORE[0],
    line("3", "Predict", "v4 = norm(v0)", "v4", "v0", live=False, flops=64),
    line("4", "Predict", "v2 = m0 · v3", "v2", "m0", "v3", flops=8192),
    *BEFORE[3:],
]
