"""Context-free grammars as data, and derivations by them as flat arrays: sampling, resampling, checking, counting.

A derivation is a tree whose nodes are productions, kept in pre-order. What may follow can depend on what came before
(`Rules`), such as on the shapes of tensors. Nothing here recurses over a derivation, so a long one needs no stack.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from workbench.errors import ConfigError, GenomeError, MutationError

MAX_NODES = 10_000  # of a derivation that is read from a file or sampled
MAX_DEPTH = 100

ARRAYS: dict[str, tuple[DTypeLike, int]] = {"codes": (np.uint8, 1), "keys": (np.int64, 1)}
"""What `genome.npz.read_arrays` expects of a derivation; given by `Derivation.arrays`, taken by `read_derivation`."""


@dataclass(frozen=True)
class Production:
    """One way to expand a symbol; without children it is a terminal."""

    symbol: str  # that it expands
    name: str  # for people: "sequential", "Linear3"
    children: tuple[str, ...] = ()  # symbols, in order


@dataclass(frozen=True)
class Grammar:
    """Productions, of which a derivation has the places (codes). One that is listed twice is twice as likely.

    `ConfigError` if a symbol has no production, or none that ever ends.
    """

    start: str
    productions: tuple[Production, ...]  # at most 256

    def __post_init__(self) -> None:
        symbols = {self.start}.union(*(production.children for production in self.productions))
        if missing := sorted(symbols - set(self.codes)):
            raise ConfigError(f"expected a production for each symbol, got none for {', '.join(missing)}; add one")
        if len(self.productions) > 256:
            raise ConfigError(f"expected at most 256 productions, got {len(self.productions)}")
        if endless := sorted(symbols - set(self.smallest)):
            raise ConfigError(
                f"expected a grammar whose derivations can end, got one in which {', '.join(endless)} always leads to "
                f"itself again; add a production of {endless[0]} without it, such as a terminal"
            )

    @cached_property
    def codes(self) -> dict[str, tuple[int, ...]]:
        """By symbol, the codes of its productions."""
        found: dict[str, tuple[int, ...]] = {}
        for code, production in enumerate(self.productions):
            found[production.symbol] = (*found.get(production.symbol, ()), code)
        return found

    @cached_property
    def smallest(self) -> dict[str, int]:
        """By symbol, the nodes of its smallest derivation; symbols whose derivations never end are missing."""
        sizes: dict[str, int] = {}
        for _ in self.codes:  # its derivation repeats no symbol on the way down, so it is found by then
            for production in self.productions:
                if all(child in sizes for child in production.children):
                    size = 1 + sum(sizes[child] for child in production.children)
                    sizes[production.symbol] = min(size, sizes.get(production.symbol, size))
        return sizes

    def count(self, symbol: str | None = None) -> int:
        """How many derivations there are from `symbol` (the start), exactly; `ConfigError` if infinitely many."""
        counts: dict[str, int] = {}

        def counted(of: str, above: tuple[str, ...]) -> int:
            if of in above:
                raise ConfigError(f"expected finitely many derivations, got a grammar in which {of} leads to {of}")
            if of not in counts:
                bodies = [self.productions[code].children for code in self.codes[of]]
                counts[of] = sum(prod(counted(child, (*above, of)) for child in body) for body in bodies)
            return counts[of]

        return counted(symbol or self.start, ())


@dataclass(frozen=True, eq=False)
class Derivation:
    """A complete derivation from any symbol of a grammar; `GenomeError` if the codes are none. Arrays are read-only."""

    grammar: Grammar = field(repr=False)
    codes: np.ndarray  # uint8 [nodes], in pre-order
    keys: np.ndarray  # int64 [nodes], the same in parent and child for a node that was kept
    sizes: np.ndarray = field(init=False)  # int64 [nodes], nodes of each one's subtree, itself included
    parents: np.ndarray = field(init=False)  # int64 [nodes], -1 for the root
    depths: np.ndarray = field(init=False)  # int64 [nodes], 0 for the root

    def __post_init__(self) -> None:
        codes, keys = np.array(self.codes, np.uint8), np.array(self.keys, np.int64)
        if codes.shape != keys.shape:
            raise GenomeError(f"expected a key for each of {len(codes):,} nodes, got {len(keys):,}")
        structure = _structure(self.grammar, codes.tolist())
        arrays: dict[str, np.ndarray] = {"codes": codes, "keys": keys, **structure}
        for name, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __reduce__(self) -> tuple[Any, ...]:
        return Derivation, (self.grammar, self.codes, self.keys)

    def __len__(self) -> int:
        return len(self.codes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Derivation):
            return NotImplemented
        same = np.array_equal(self.codes, other.codes) and np.array_equal(self.keys, other.keys)
        return same and self.grammar == other.grammar

    def __hash__(self) -> int:
        return hash((self.codes.tobytes(), self.keys.tobytes()))

    def production(self, node: int) -> Production:
        """What the node expands to."""
        return self.grammar.productions[self.codes[node]]

    def children(self, node: int) -> list[int]:
        """Places of the node's children, in order."""
        found, place = [], node + 1
        for _ in self.production(node).children:
            found.append(place)
            place += int(self.sizes[place])
        return found

    def subtree(self, node: int) -> slice:
        """The places of the node and of all below it."""
        return slice(node, node + int(self.sizes[node]))

    def replaced(self, node: int, codes: np.ndarray, keys: np.ndarray) -> Derivation:
        """With another subtree in the place of `node`'s; all other nodes keep their keys."""
        place = self.subtree(node)
        pairs = (self.codes, codes), (self.keys, keys)
        parts = (np.concatenate((old[: place.start], new, old[place.stop :])) for old, new in pairs)
        return Derivation(self.grammar, *parts)

    def steps(self) -> Iterator[tuple[int, int]]:
        """(node, complete children) in the order of execution: a node when it begins, and again after each child."""
        codes, arities = self.codes.tolist(), [len(production.children) for production in self.grammar.productions]
        open_nodes: list[list[int]] = []  # [node, children that are complete]
        for node in range(len(codes)):
            yield node, 0
            open_nodes.append([node, 0])
            while open_nodes and open_nodes[-1][1] == arities[codes[open_nodes[-1][0]]]:
                open_nodes.pop()
                if open_nodes:
                    open_nodes[-1][1] += 1
                    yield open_nodes[-1][0], open_nodes[-1][1]

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What `genome.npz.write_arrays` takes, named as in `ARRAYS`."""
        return {"codes": self.codes, "keys": self.keys}


def _structure(grammar: Grammar, codes: list[int]) -> dict[str, np.ndarray]:
    """Sizes, parents and depths of a derivation in pre-order; `GenomeError` if the codes are not exactly one tree."""
    sizes, parents, depths = [1] * len(codes), [-1] * len(codes), [0] * len(codes)
    open_nodes: list[tuple[int, Iterator[str]]] = []  # with the symbols that still have to follow
    for node, code in enumerate(codes):
        if code >= len(grammar.productions):
            raise GenomeError(f"expected codes below {len(grammar.productions)}, got {code}; it is damaged")
        production = grammar.productions[code]
        expected = None
        while open_nodes and expected is None:
            expected = next(open_nodes[-1][1], None)
            if expected is None:
                open_nodes.pop()
        if node > 0 and production.symbol != expected:
            raise GenomeError(f"expected {expected or 'an end'} at node {node}, got {production.symbol}; it is damaged")
        if open_nodes:
            parents[node], depths[node] = open_nodes[-1][0], depths[open_nodes[-1][0]] + 1
        open_nodes.append((node, iter(production.children)))
    if not codes or any(next(rest, None) is not None for _, rest in open_nodes):
        raise GenomeError(f"expected a complete derivation, got {len(codes):,} nodes that lack some; it is damaged")
    for node in range(len(codes) - 1, 0, -1):
        sizes[parents[node]] += sizes[node]
    return {"sizes": np.array(sizes), "parents": np.array(parents), "depths": np.array(depths)}


def read_derivation(
    grammar: Grammar, arrays: Mapping[str, np.ndarray], max_nodes: int = MAX_NODES, max_depth: int = MAX_DEPTH
) -> Derivation:
    """A derivation from the grammar's start, from `ARRAYS` that anybody may have written; `GenomeError` if none."""
    codes, keys = arrays["codes"], arrays["keys"]
    if len(codes) > max_nodes:
        raise GenomeError(f"expected a derivation of at most {max_nodes:,} nodes, got {len(codes):,}")
    derivation = Derivation(grammar, codes, keys)
    if derivation.production(0).symbol != grammar.start:
        raise GenomeError(f"expected a derivation of {grammar.start}, got one of {derivation.production(0).symbol}")
    if len(np.unique(keys)) < len(keys):
        raise GenomeError("expected nodes with keys of their own, got one key twice; it is damaged")
    if (depth := int(derivation.depths.max())) > max_depth:
        raise GenomeError(f"expected a derivation of depth {max_depth} at most, got {depth}")
    return derivation


# ---------------------------------------------------------------------- what may follow what
class Rules(Protocol):
    """Which productions may follow, given an immutable state that is passed along as `Derivation.steps` go."""

    def start(self) -> Any:
        """The state before the root."""

    def choices(self, symbol: str, state: Any) -> Mapping[int, float]:
        """Codes that may expand `symbol` here, with their relative probabilities; empty if none may."""

    def advance(self, code: int, done: int, state: Any) -> Any:
        """The state after `done` children of a node; `done` = 0 is when it begins."""


@dataclass(frozen=True)
class Uniform:
    """Rules of a plain context-free grammar: any production of a symbol may follow, all equally likely."""

    grammar: Grammar

    def start(self) -> None:
        """There is no state."""

    def choices(self, symbol: str, state: Any) -> Mapping[int, float]:
        """All of the symbol's productions."""
        return dict.fromkeys(self.grammar.codes[symbol], 1.0)

    def advance(self, code: int, done: int, state: Any) -> None:
        """There is no state."""


def replay(derivation: Derivation, rules: Rules, until: int = -1) -> Any:
    """The state after the whole derivation, or in which the node `until` was chosen.

    `GenomeError` at the first node that the rules do not allow.
    """
    state = rules.start()
    for node, done in derivation.steps():
        if node == until:
            break
        code, production = int(derivation.codes[node]), derivation.production(node)
        if done == 0 and code not in rules.choices(production.symbol, state):
            raise GenomeError(f"expected what fits its place, got {production.name} at node {node}")
        state = rules.advance(code, done, state)
    return state


# ---------------------------------------------------------------------- sampling
def sample(rules: Rules, grammar: Grammar, rng: np.random.Generator, **limits: Any) -> Derivation:
    """A derivation from the start; `limits` and errors are those of `grow`."""
    codes = grow(rules, grammar, rng, grammar.start, rules.start(), **limits)
    return Derivation(grammar, codes, new_keys(len(codes), rng))


def resample(
    derivation: Derivation, node: int, rules: Rules, rng: np.random.Generator, tries: int = 20, **limits: Any
) -> Derivation:
    """The subtree of `node` drawn again in its context, beginning with another production; its nodes get new keys.

    A try whose subtree makes a later node impossible is followed by another. `MutationError` after the last.
    """
    state, old = replay(derivation, rules, node), derivation.production(node)
    for _ in range(tries):
        codes = grow(
            rules, derivation.grammar, rng, old.symbol, state, without=(int(derivation.codes[node]),), **limits
        )
        child = derivation.replaced(node, codes, new_keys(len(codes), rng, derivation.keys))
        try:
            replay(child, rules)
        except GenomeError:
            continue
        return child
    raise MutationError(f"found no other subtree for {old.name} that fits its place, in {tries} tries")


def grow(
    rules: Rules,
    grammar: Grammar,
    rng: np.random.Generator,
    symbol: str,
    state: Any,
    *,
    without: Collection[int] = (),
    max_nodes: int = MAX_NODES,
    max_steps: int = 10 * MAX_NODES,
) -> np.ndarray:
    """Codes of a subtree from `symbol`, in a state, that does not begin with one of `without`.

    Where nothing may follow, it goes back to the last node that has another choice. `MutationError` if there is no
    such node, or after `max_steps` choices.
    """
    codes: list[int] = []
    trail: list[tuple[Any, Any, dict[int, float]]] = []  # per node: what is pending, the state, choices not yet tried
    pending: Any = (symbol, None)  # linked list of symbols, and of (code, done) of nodes that go on after a child
    for _ in range(max_steps):
        while pending is not None and isinstance(pending[0], tuple):
            state, pending = rules.advance(pending[0][0], pending[0][1], state), pending[1]
        if pending is None:
            return np.array(codes, np.uint8)
        fits = len(codes) + grammar.smallest[pending[0]] <= max_nodes
        options = dict(rules.choices(pending[0], state)) if fits else {}
        if not codes:
            options = {code: weight for code, weight in options.items() if code not in without}
        trail.append((pending[1], state, options))
        while trail and not trail[-1][2]:
            trail.pop()
        if not trail:
            raise MutationError(f"there is no other way to expand {symbol} here")
        pending, state, options = trail[-1]
        del codes[len(trail) - 1 :]
        codes.append(_draw(options, rng))
        state = rules.advance(codes[-1], 0, state)
        children = grammar.productions[codes[-1]].children
        for done in range(len(children), 0, -1):
            pending = (children[done - 1], ((codes[-1], done), pending))
    raise MutationError(f"found no way to expand {symbol} here in {max_steps:,} steps")


def _draw(options: dict[int, float], rng: np.random.Generator) -> int:
    """Take one of the options out, by their weights."""
    left = rng.random() * sum(options.values())
    for code in options:
        left -= options[code]
        if left < 0:
            break
    del options[code]
    return code


def new_keys(count: int, rng: np.random.Generator, taken: np.ndarray | None = None) -> np.ndarray:
    """Keys int64 [count], all different and none of them in `taken`."""
    others = np.empty(0, np.int64) if taken is None else taken
    while True:
        keys = rng.integers(0, 2**62, count)
        if len(np.unique(np.concatenate((keys, others)))) == count + len(others):
            return keys
