"""The mutations: a subtree of one level is drawn again, or two subtrees of one symbol change places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.derivations import Derivation, Production, grow, new_keys, replay
from workbench.errors import GenomeError, MutationError
from workbench.spaces.hnas.grammar import LEVELS, KeepsWay

KINDS = (*LEVELS, "crossover")
TRIES = 50


def mutated(kind: str, derivation: Derivation, rng: np.random.Generator) -> Derivation:
    """A mutation by name; `MutationError` if there is nothing in this derivation that it could change."""
    return _crossed(derivation, rng) if kind == "crossover" else _redrawn(kind, derivation, rng)


def _redrawn(level: str, derivation: Derivation, rng: np.random.Generator) -> Derivation:
    """With the subtree of one node of a level drawn again; all other nodes keep their keys.

    A subtree that came out as it was, or that leaves its cell without a way through, is drawn again, up to 50 times.
    """
    nodes = _swappable(derivation, LEVELS[level])
    if not nodes:
        raise MutationError(f"expected a network with a {level} that can be another, got one without; mutate others")
    grammar, rules, node = derivation.grammar, KeepsWay(derivation.grammar), int(rng.choice(nodes))
    state, symbol = replay(derivation, rules, node), derivation.production(node).symbol
    for _ in range(TRIES):
        codes = grow(rules, grammar, rng, symbol, state)
        if _productions(derivation, codes) != _productions(derivation, derivation.codes[derivation.subtree(node)]):
            child = derivation.replaced(node, codes, new_keys(len(codes), rng, derivation.keys))
            if _fits(child, rules):
                return child
    raise MutationError(f"found no other {symbol} that fits its place, in {TRIES} tries")


def _crossed(derivation: Derivation, rng: np.random.Generator) -> Derivation:
    """With two different subtrees of one symbol in each other's place, keys and all; tried up to 50 times."""
    nodes = _swappable(derivation, [symbol for symbols in LEVELS.values() for symbol in symbols])
    for _ in range(TRIES if nodes else 0):
        one, other = sorted(rng.choice(nodes, 2).tolist())
        first, second = derivation.subtree(one), derivation.subtree(other)
        if derivation.production(one).symbol != derivation.production(other).symbol or second.start < first.stop:
            continue
        if _productions(derivation, derivation.codes[first]) == _productions(derivation, derivation.codes[second]):
            continue
        pieces = (slice(0, first.start), second, slice(first.stop, second.start), first, slice(second.stop, None))
        codes, keys = (
            np.concatenate([array[piece] for piece in pieces]) for array in (derivation.codes, derivation.keys)
        )
        child = Derivation(derivation.grammar, codes, keys)
        if _fits(child, KeepsWay(derivation.grammar)):
            return child
    raise MutationError(f"found no two different subtrees that can change places, in {TRIES} tries")


def _swappable(derivation: Derivation, symbols: Sequence[str]) -> list[int]:
    """Nodes of these symbols, but for the root and for what has no alternative."""
    productions = _productions(derivation, derivation.codes)
    return [node for node, one in enumerate(productions) if node > 0 and one.symbol in symbols and one.symbol != "RES"]


def _productions(derivation: Derivation, codes: np.ndarray) -> list[Production]:
    """By codes; two codes of one production, which makes it likelier, give the same."""
    return [derivation.grammar.productions[code] for code in codes.tolist()]


def _fits(derivation: Derivation, rules: KeepsWay) -> bool:
    try:
        replay(derivation, rules)
    except GenomeError:
        return False
    return True
