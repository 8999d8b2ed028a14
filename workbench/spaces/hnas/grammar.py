"""The grammars of the hierarchical space as data, what may follow what, and how many networks there are.

Schrodi, Stoll, Ru, Sukthanker, Brox & Hutter 2023, "Construction of Hierarchical Neural Architecture Search Spaces
based on Context-free Grammars"; cells as in Dong & Yang 2020, "NAS-Bench-201".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from workbench.derivations import Grammar, Production

TOPOLOGIES: dict[str, tuple[tuple[int, int], ...]] = {
    "Linear1": ((0, 1),),
    "Linear2": ((0, 1), (1, 2)),
    "Linear3": ((0, 1), (1, 2), (2, 3)),
    "Linear4": ((0, 1), (1, 2), (2, 3), (3, 4)),
    "Residual2": ((0, 1), (0, 2), (1, 2)),
    "Residual3": ((0, 1), (1, 2), (0, 3), (2, 3)),
    "Cell": ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)),
}
"""By name, a graph's edges (source, target), one for each child of a production. Node 0 is its source, the last its
sink, and what arrives at a node is summed. Edges into a node stand before those out of it."""

ZERO = "zero"  # the operation that lets nothing through

_CELL = ["CELL → Cell(OPS,OPS,OPS,OPS,OPS,OPS)"]

_OPERATIONS = [
    *_CELL,
    "OPS → zero | id | avg_pool | Linear1(CONVBLOCK) | Linear1(CONVBLOCK)",  # a convolution is twice as likely
    "CONVBLOCK → Linear3(ACT,CONV,NORM)",
    "ACT → relu | hardswish | mish",
    "CONV → conv3x3 | conv1x1 | dconv3x3",
    "NORM → batch | instance | layer",
    "RES → resBlock",
]

_RULES = {
    "published": [
        "D2 → Linear3(D1,D1,D0) | Linear3(D0,D1,D1) | Linear4(D1,D1,D0,D0)",
        "D1 → Linear3(C,C,DOWN) | Linear4(C,C,C,DOWN) | Residual3(C,C,DOWN,DOWN)",
        "D0 → Linear3(C,C,CELL) | Linear4(C,C,C,CELL) | Residual3(C,C,CELL,CELL)",
        "DOWN → Linear2(CELL,RES) | Linear3(CELL,CELL,RES) | Residual2(CELL,RES,RES)",
        "C → Linear2(CELL,CELL) | Linear3(CELL,CELL,CELL) | Residual2(CELL,CELL,CELL)",
        *_OPERATIONS,
    ],
    "small": [
        "D2 → Linear3(D1,D1,D0) | Linear3(D0,D1,D1) | Linear3(D1,D0,D1)",
        "D1 → Linear1(DOWN) | Linear2(CELL,DOWN) | Residual2(CELL,DOWN,DOWN)",
        "D0 → Linear1(CELL) | Linear2(CELL,CELL) | Residual2(CELL,CELL,CELL)",
        "DOWN → Linear2(CELL,RES) | Residual2(CELL,RES,RES)",
        *_OPERATIONS,
    ],
    "cell": [*_CELL, "OPS → zero | id | avg_pool | conv3x3 | conv1x1"],
}

LEVELS = {
    "macro": ("D2", "D1", "D0"),
    "stage": ("C", "DOWN", "RES"),
    "cell": ("CELL",),
    "operation": ("OPS",),
    "block": ("CONVBLOCK", "ACT", "CONV", "NORM"),
}
"""The symbols of each level of the hierarchy."""

LEVEL = {symbol: level for level, symbols in LEVELS.items() for symbol in symbols}


def _grammar(rules: Sequence[str]) -> Grammar:
    """The grammar of rules such as `C → Linear2(CELL,CELL) | id`, whose start is the first symbol."""
    productions = []
    for rule in rules:
        symbol, _, options = rule.partition(" → ")
        for option in options.split(" | "):
            name, _, children = option.rstrip(")").partition("(")
            productions.append(Production(symbol, name, tuple(children.split(",")) if children else ()))
    return Grammar(productions[0].symbol, tuple(productions))


GRAMMARS = {name: _grammar(rules) for name, rules in _RULES.items()}
"""`published`: 15 to 42 cells. `small`: the same levels with 3 to 9. `cell`: one cell, which a fixed macro repeats."""


# ---------------------------------------------------------------------- a cell lets something through
def has_way(open: Sequence[bool]) -> bool:
    """Whether a way leads from source to sink of a cell, along those of its six edges that are open."""
    reached = {0}
    for (source, target), passable in zip(TOPOLOGIES["Cell"], open, strict=True):
        if passable and source in reached:
            reached.add(target)
    return 3 in reached


@dataclass(frozen=True)
class KeepsWay:
    """Rules of the grammar (`derivations.Rules`): `zero` may follow only while the cell keeps a way through.

    The state is, per edge of the current cell that is decided, whether it is open; None outside of cells.
    """

    grammar: Grammar

    def start(self) -> tuple[bool, ...] | None:
        """No cell has begun."""
        return None

    def choices(self, symbol: str, state: tuple[bool, ...] | None) -> Mapping[int, float]:
        """All productions, `zero` only where another way is left."""
        codes = self.grammar.codes[symbol]
        if symbol == "OPS" and state is not None and not has_way((*state, False, *[True] * (5 - len(state)))):
            codes = tuple(code for code in codes if self.grammar.productions[code].name != ZERO)
        return dict.fromkeys(codes, 1.0)

    def advance(self, code: int, done: int, state: tuple[bool, ...] | None) -> tuple[bool, ...] | None:
        """The edge is decided when its operation begins."""
        production = self.grammar.productions[code]
        if production.name == "Cell":
            return () if done == 0 else state if done < 6 else None
        if production.symbol == "OPS" and done == 0 and state is not None:
            return (*state, production.name != ZERO)
        return state


def count(grammar: Grammar) -> int:
    """How many derivations keep a way through each cell, exactly; `Grammar.count` counts them all."""
    counts: dict[str, int] = {}
    for production in reversed(grammar.productions):  # symbols stand before those that they lead to
        ways = prod(counts[child] for child in production.children)
        if production.name == "Cell":
            through = counts["OPS"] - 1
            ways = sum(through ** sum(open) for open in product((False, True), repeat=6) if has_way(open))
        counts[production.symbol] = counts.get(production.symbol, 0) + ways
    return counts[grammar.start]
