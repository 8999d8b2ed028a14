"""The grammar of einspace as data (Ericsson et al. 2024, arXiv:2405.20838).

A module M is a sequence of two modules, a branching, a routing, or a computation. Two branches are two modules; four or
eight are copies of one, with weights of their own. Where an operation fits is decided by shapes (`shapes.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from workbench.derivations import Grammar, Production

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
"""Features that a linear map may have."""


@dataclass(frozen=True)
class Operation:
    """What a terminal does to its input."""

    kind: str  # "linear", "im2col" …
    args: tuple[int, ...] = ()
    """linear: (features); im2col: (kernel, stride, padding); clone: (branches); group: (parts, dimension);
    permute: dimensions in their new order; concatenate: (dimension). Dimensions count from 1, without the batch."""


def _terminals() -> list[tuple[str, str, Operation]]:
    """Symbol, name and operation of each terminal."""
    found: list[tuple[str, str, Operation]] = []
    for symbol, counts in (("B2", (2,)), ("B", (4, 8))):
        for count in counts:
            found.append((symbol, f"clone × {count}", Operation("clone", (count,))))
            for dimension in (1, 2, 3):
                found.append((symbol, f"group × {count} along {dimension}", Operation("group", (count, dimension))))
    for name, kind in (("dot product", "dot"), ("scaled dot product", "scaled_dot")):
        found.append(("A2", name, Operation(kind)))
    for symbol in ("A2", "A"):
        found.append((symbol, "add", Operation("add")))
        found += [(symbol, f"concatenate along {place}", Operation("concatenate", (place,))) for place in (1, 2, 3)]
    orders = [order for count in (2, 3) for order in permutations(range(1, count + 1)) if list(order) != sorted(order)]
    for symbol in ("Pre", "Post"):
        found.append((symbol, "identity", Operation("identity")))
        found += [(symbol, f"permute {''.join(map(str, order))}", Operation("permute", order)) for order in orders]
    for sizes in ((1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (4, 4, 0), (8, 8, 0), (16, 16, 0)):
        kernel, stride, _ = sizes
        found.append(("Pre", f"im2col {kernel}×{kernel} / {stride}", Operation("im2col", sizes)))
    found.append(("Post", "col2im", Operation("col2im")))
    found.append(("C", "identity", Operation("identity")))
    found += [("C", f"linear {width}", Operation("linear", (width,))) for width in WIDTHS]
    for name, kind in (
        ("norm", "norm"),
        ("leaky ReLU", "leaky_relu"),
        ("softmax", "softmax"),
        ("positional encoding", "position"),
    ):
        found.append(("C", name, Operation(kind)))
    return found


MODULES = (
    Production("M", "sequential", ("M", "M")),
    Production("M", "branching × 2", ("B2", "M", "M", "A2")),
    Production("M", "branching", ("B", "M", "A")),
    Production("M", "routing", ("Pre", "M", "Post")),
    Production("M", "computation", ("C",)),
)
SEQUENTIAL, BRANCHING_2, BRANCHING, ROUTING, COMPUTATION = range(5)  # their codes

_TERMINALS = _terminals()
GRAMMAR = Grammar("M", (*MODULES, *(Production(symbol, name) for symbol, name, _ in _TERMINALS)))
"""All widths are in it, whatever a space allows, so that codes mean the same in every file."""

OPERATIONS = {len(MODULES) + place: operation for place, (_, _, operation) in enumerate(_TERMINALS)}
"""By the code of a terminal."""

CODES = {(symbol, operation): len(MODULES) + place for place, (symbol, _, operation) in enumerate(_TERMINALS)}
"""The code of a terminal, by symbol and operation; used by hand-made networks."""
