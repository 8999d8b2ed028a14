"""What may follow what in einspace, within bounds: sampling of networks, and mutation by resampling of a subtree.

Networks are counted as they are built: a module that is copied b times counts b times. A computation adds nothing to
what is already promised, so it always remains possible; once the bound on operations is spent, nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from workbench.derivations import MAX_DEPTH, Derivation, grow, new_keys, replay
from workbench.errors import GenomeError, MutationError
from workbench.spaces.einspace.grammar import (
    BRANCHING,
    BRANCHING_2,
    COMPUTATION,
    GRAMMAR,
    OPERATIONS,
    ROUTING,
    SEQUENTIAL,
)
from workbench.spaces.einspace.shapes import Shape, flops_of, image_after, parameters_of, shape_after

MAX_OPERATIONS = 256
TRIES = 50
"""Attempts to sample a network."""

KINDS = {
    "resample_module": ("M",),
    "resample_branching": ("B2", "B"),
    "resample_aggregation": ("A2", "A"),
    "resample_routing": ("Pre", "Post"),
    "resample_computation": ("C",),
}
"""By kind of mutation, the symbols whose nodes it resamples."""

_ADDED = {SEQUENTIAL: 1, ROUTING: 2, BRANCHING_2: 3, BRANCHING: 5, COMPUTATION: 0}
"""Operations that a module adds at least to the one that is promised for it; a branching of four to begin with."""

_LAST = {SEQUENTIAL: 2, ROUTING: 3, BRANCHING_2: 4, BRANCHING: 3, COMPUTATION: 1}
"""Children of a module."""


@dataclass(frozen=True)
class Limits:
    """The largest network, per image and up to its head."""

    operations: int  # terminals of the derivation, copies counted
    flops: int
    parameters: int
    values: int  # that all operations put out
    width: int  # features of a linear map


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a network while it is derived."""

    shape: Shape  # of what comes next
    image: tuple[int, int] | None = None  # height and width that col2im restores
    copies: int = 1  # of what comes next
    depth: int = 0
    operations: int = 1  # with the least that is pending
    flops: int = 0  # of all operations so far, as are parameters and values
    parameters: int = 0
    values: int = 0
    branches: int = 0  # of the branching that was chosen last
    parts: tuple[Shape, ...] = ()  # shapes of what is aggregated next
    outer: Any = None  # linked list of what modules around it will need again


@dataclass(frozen=True)
class EinRules:
    """`workbench.derivations.Rules` of einspace."""

    shape: Shape  # of the image
    limits: Limits
    computation: float  # probability of a computation where it is allowed; all other modules are equally likely

    def start(self) -> State:
        """Before the root."""
        return State(self.shape)

    def choices(self, symbol: str, state: State) -> Mapping[int, float]:
        """What fits the shapes and the limits."""
        if symbol == "M":
            return self._modules(state)
        if symbol in ("B2", "B"):
            room = self.limits.operations - state.operations
            fit = _branchings(state.shape)[symbol]
            # four branches are already counted
            return {code: 1.0 for code, count in fit.items() if symbol == "B2" or (count - 4) * state.copies <= room}
        shapes = state.parts if symbol in ("A2", "A") else (state.shape,)
        return {code: 1.0 for code in GRAMMAR.codes[symbol] if self._fits(code, shapes, state)}

    def _modules(self, state: State) -> dict[int, float]:
        if state.depth + 2 > MAX_DEPTH:
            return {COMPUTATION: 1.0}
        room = (self.limits.operations - state.operations) // state.copies
        found, branchings = {}, _branchings(state.shape)
        for code in (SEQUENTIAL, ROUTING):
            if _ADDED[code] <= room:
                found[code] = 1.0
        two = len(branchings["B2"]) * (_ADDED[BRANCHING_2] <= room)
        more = sum(count + 1 <= room for count in branchings["B"].values())  # count + 2 operations, one is promised
        for code, count in ((BRANCHING_2, two), (BRANCHING, more)):
            if count:
                found[code] = count / (two + more)  # the paper chooses among all branchings alike
        if state.depth > 0:  # the root is not a bare computation
            others = sum(found.values())
            found[COMPUTATION] = self.computation / (1 - self.computation) * others if others else 1.0
        return found

    def _fits(self, code: int, shapes: tuple[Shape, ...], state: State) -> bool:
        operation = OPERATIONS[code]
        if operation.kind == "linear" and operation.args[0] > self.limits.width:
            return False
        shape = shape_after(operation, shapes, state.image)
        if shape is None:
            return False
        flops, parameters, values = _cost(operation.kind, shapes, shape)
        return (
            state.flops + state.copies * flops <= self.limits.flops
            and state.parameters + state.copies * parameters <= self.limits.parameters
            and state.values + state.copies * values <= self.limits.values
        )

    def advance(self, code: int, done: int, state: State) -> State:
        """Shapes, counts and what is remembered after `done` children."""
        if code in OPERATIONS:
            return _operate(code, state)
        depth = state.depth + (done == 0) - (done == _LAST[code])
        shape, image, outer, copies, parts = state.shape, state.image, state.outer, state.copies, state.parts
        operations = state.operations + _ADDED[code] * copies * (done == 0)
        if code == ROUTING:
            if done == 0:
                outer = (image, outer)
            elif done == 3:
                image, outer = outer
        elif code == BRANCHING_2:
            if done == 1:
                outer = (shape, outer)  # that both branches read
            elif done == 2:
                shape, outer = outer[0], (shape, outer[1])
            elif done == 3:
                parts, outer = (outer[0], shape), outer[1]
        elif code == BRANCHING:
            if done == 1:
                operations += (state.branches - 4) * copies
                copies, outer = copies * state.branches, (state.branches, outer)
            elif done == 2:
                parts, copies, outer = (shape,) * outer[0], copies // outer[0], outer[1]
        return replace(
            state,
            shape=shape,
            image=image,
            copies=copies,
            depth=depth,
            operations=operations,
            parts=parts,
            outer=outer,
        )


def _operate(code: int, state: State) -> State:
    """After an operation that fits."""
    operation, symbol = OPERATIONS[code], GRAMMAR.productions[code].symbol
    shapes = state.parts if symbol in ("A2", "A") else (state.shape,)
    shape = shape_after(operation, shapes, state.image)
    if shape is None:
        raise GenomeError(f"expected an operation that fits shapes {shapes}, got {operation.kind}")
    if symbol in ("B2", "B"):
        return replace(state, shape=shape, branches=operation.args[0])
    flops, parameters, values = _cost(operation.kind, shapes, shape)
    return replace(
        state,
        shape=shape,
        image=image_after(operation, state.shape) if operation.kind == "im2col" else state.image,
        flops=state.flops + state.copies * flops,
        parameters=state.parameters + state.copies * parameters,
        values=state.values + state.copies * values,
    )


def _cost(kind: str, shapes: tuple[Shape, ...], shape: Shape) -> tuple[int, int, int]:
    """FLOPs, parameters and values of one copy of an operation; a view of its input has no values.

    Neither has im2col, which is mostly part of a convolution that never writes its patches.
    """
    values = 0 if kind in ("identity", "permute", "im2col", "col2im") else prod(shape)
    return flops_of(kind, shapes, shape), parameters_of(kind, shapes, shape), values


@lru_cache(4096)
def _branchings(shape: Shape) -> dict[str, dict[int, int]]:
    """By symbol, the codes of the branchings that fit a shape, with the number of their branches."""
    return {
        symbol: {
            code: OPERATIONS[code].args[0]
            for code in GRAMMAR.codes[symbol]
            if shape_after(OPERATIONS[code], (shape,), None) is not None
        }
        for symbol in ("B2", "B")
    }


def sample_within(rules: EinRules, rng: np.random.Generator) -> Derivation:
    """A derivation within the limits of the rules; an attempt that takes too long is followed by another one."""
    for _ in range(TRIES):
        try:
            codes = grow(rules, GRAMMAR, rng, "M", rules.start(), max_steps=_steps(rules.limits.operations))
        except MutationError:
            continue
        return Derivation(GRAMMAR, codes, new_keys(len(codes), rng))
    raise MutationError(f"found no network within {rules.limits} for images of shape {rules.shape}; allow larger ones")


def _steps(operations: int) -> int:
    """Choices in one attempt, those included that are taken back: a few times as many as nodes."""
    return 100 + 10 * operations


def resample_within(
    derivation: Derivation, kind: str, rules: EinRules, budget: int, rng: np.random.Generator
) -> Derivation:
    """One try of a mutation: a node of a kind is drawn, and its subtree again, of at most `budget` operations.

    `MutationError` if there is none that fits.
    """
    symbols = KINDS[kind]
    nodes = [node for node in range(len(derivation)) if derivation.production(node).symbol in symbols]
    if not nodes:
        raise MutationError(f"expected a network with one of {', '.join(symbols)}, got one without")
    node = nodes[int(rng.integers(len(nodes)))]
    before, after, last = _states(derivation, rules, node)
    most = rules.limits
    limits = replace(  # what follows needs its part of them
        most,
        operations=min(
            most.operations - (last.operations - after.operations), before.operations - before.copies + budget
        ),
        flops=most.flops - (last.flops - after.flops),
        parameters=most.parameters - (last.parameters - after.parameters),
        values=most.values - (last.values - after.values),
    )
    symbol, old = derivation.production(node).symbol, int(derivation.codes[node])
    inner = replace(rules, limits=limits)
    codes = grow(inner, GRAMMAR, rng, symbol, before, without=(old,), max_steps=_steps(budget))
    child = derivation.replaced(node, codes, new_keys(len(codes), rng, derivation.keys))
    try:
        replay(child, rules)
    except GenomeError as error:
        raise MutationError(f"another {derivation.production(node).name} does not fit its place: {error}") from None
    return child


def _states(derivation: Derivation, rules: EinRules, node: int) -> tuple[State, State, State]:
    """The states before a node, after its subtree, and after the whole derivation, which must be valid."""
    state, stop = rules.start(), derivation.subtree(node).stop
    found: dict[int, State] = {}
    for place, done in derivation.steps():
        if done == 0:
            found[place] = state
        state = rules.advance(int(derivation.codes[place]), done, state)
    return found[node], found.get(stop, state), state
