"""einspace: sampling within budgets, and mutation in context."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.derivations import Derivation, grow, replay
from workbench.errors import GenomeError, MutationError
from workbench.spaces.einspace.grammar import BRANCHING, CODES, COMPUTATION, GRAMMAR, OPERATIONS, SEQUENTIAL, Operation
from workbench.spaces.einspace.sampling import KINDS, EinRules, Limits, State, resample_within, sample_within
from workbench.spaces.einspace.shapes import IMAGE, expand, flops_of, parameters_of

LIMITS = Limits(operations=48, flops=3_000_000, parameters=10**6, values=2**18, width=128)
SHAPES = ((1, 8, 8), (1, 14, 14), (3, 16, 16), (2, 5, 9), (1, 1, 6))
RULES = EinRules((3, 16, 16), LIMITS, 0.32)
UNLIMITED = Limits(10**9, 10**18, 10**18, 10**18, 2048)

seeds, shapes = st.integers(0, 2**32), st.sampled_from(SHAPES)


def expanded_operations(derivation: Derivation) -> int:
    """Terminals, copies counted: another way than the rules count them."""

    def count(node: int) -> int:
        children = derivation.children(node)
        if not children:
            return 1
        if derivation.codes[node] == BRANCHING:
            copies = OPERATIONS[int(derivation.codes[children[0]])].args[0]
            return 2 + copies * count(children[1])
        return sum(map(count, children))

    return count(0)


def check(derivation: Derivation, rules: EinRules, operations: int) -> None:
    """Everything that is promised of a network."""
    state, steps = replay(derivation, rules), expand(derivation, rules.shape)
    assert (steps[-1].shape if steps else rules.shape) == state.shape
    assert expanded_operations(derivation) == state.operations <= operations
    assert (state.depth, state.copies, state.outer) == (0, 1, None)
    assert derivation.codes[0] != COMPUTATION
    assert derivation.depths.max() <= 100
    read = [[rules.shape if place == IMAGE else steps[place].shape for place in step.sources] for step in steps]
    both = list(zip(steps, read, strict=True))
    assert sum(flops_of(step.kind, of, step.shape) for step, of in both) == state.flops <= rules.limits.flops
    parameters = sum(parameters_of(step.kind, of, step.shape) for step, of in both)
    assert parameters == state.parameters <= rules.limits.parameters
    views = ("permute", "im2col", "col2im", "part")
    assert sum(prod(step.shape) for step in steps if step.kind not in views) == state.values <= rules.limits.values
    assert all(step.args[0] <= rules.limits.width for step in steps if step.kind == "linear")


@given(seeds, shapes, st.integers(2, 100))
def test_samples_are_within_their_limits(seed, shape, operations):
    rules = EinRules(shape, replace(LIMITS, operations=operations), 0.32)
    derivation = sample_within(rules, np.random.default_rng(seed))
    check(derivation, rules, operations)
    assert sample_within(rules, np.random.default_rng(seed)) == derivation


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_10_000_seeds_stay_within_their_budget(shape):
    sizes = Counter()
    for seed in range(SHAPES.index(shape), 10_000, len(SHAPES)):  # each shape a fifth of them
        state = replay(sample_within(rules := EinRules(shape, LIMITS, 0.32), np.random.default_rng(seed)), rules)
        assert state.operations <= LIMITS.operations
        assert state.flops <= LIMITS.flops
        assert state.parameters <= LIMITS.parameters
        assert state.values <= LIMITS.values
        sizes[state.operations] += 1
    assert min(sizes) == 2
    assert len(sizes) > 40  # all sizes come up, not only those at the ends


def test_a_module_has_the_published_number_of_modules_on_average():
    state = State((16, 16, 16), depth=1)
    weights = EinRules((16, 16, 16), UNLIMITED, 0.32).choices("M", state)
    total = sum(weights.values())
    chances = {GRAMMAR.productions[code].name: weight / total for code, weight in weights.items()}
    assert chances["computation"] == pytest.approx(0.32)
    assert chances["sequential"] == chances["routing"] == pytest.approx(0.68 / 3)
    assert chances["branching × 2"] == pytest.approx(0.68 / 3 * 4 / 12)
    mean = 2 * chances["sequential"] + chances["routing"] + 2 * chances["branching × 2"] + 6 * chances["branching"]
    assert mean == pytest.approx(1.738, abs=0.001)


def test_what_is_spent_leaves_only_computations():
    for limits in (replace(LIMITS, operations=2), replace(LIMITS, flops=0, parameters=0, values=0)):
        rules = EinRules((3, 16, 16), limits, 0.32)
        for seed in range(20):
            check(sample_within(rules, np.random.default_rng(seed)), rules, limits.operations)
    codes = sample_within(EinRules((3, 16, 16), replace(LIMITS, operations=2), 0.32), np.random.default_rng(0)).codes
    assert codes[[0, 1, 3]].tolist() == [SEQUENTIAL, COMPUTATION, COMPUTATION]


def test_where_nothing_fits_it_ends():
    with pytest.raises(MutationError, match="allow larger ones"):
        sample_within(EinRules((3, 16, 16), replace(LIMITS, operations=1), 0.32), np.random.default_rng(0))


def test_a_deep_network_goes_no_deeper_than_the_bound():
    codes = grow(EinRules((1, 8, 8), UNLIMITED, 1e-9), GRAMMAR, Deepest(), "M", State((1, 8, 8)))
    assert Derivation(GRAMMAR, codes, np.arange(len(codes))).depths.max() == 100


class Deepest(np.random.Generator):
    """Draws the first option while there is one that is likely: a sequence in a sequence."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))
        self.drawn = 0

    def random(self) -> float:
        self.drawn += 1
        return 0.0 if self.drawn < 100 else 0.999_999_999


@given(seeds, shapes, st.sampled_from(list(KINDS)), st.integers(1, 40))
def test_every_mutation_is_valid_and_leaves_its_parent_alone(seed, shape, kind, budget):
    rng, rules = np.random.default_rng(seed), EinRules(shape, LIMITS, 0.32)
    parent = sample_within(rules, rng)
    before = (parent.codes.copy(), parent.keys.copy())
    try:
        child = resample_within(parent, kind, rules, budget, rng)
    except MutationError:
        return
    check(child, rules, LIMITS.operations)
    assert np.array_equal(parent.codes, before[0])
    assert np.array_equal(parent.keys, before[1])
    new = np.isin(child.keys, parent.keys, invert=True)
    root = int(new.argmax())
    assert new.sum() == child.sizes[root]  # one subtree is new, all else keeps its key and code
    assert child.production(root).symbol in KINDS[kind]
    kept = dict(zip(parent.keys.tolist(), parent.codes.tolist(), strict=True))
    assert all(
        kept[key] == code for key, code in zip(child.keys[~new].tolist(), child.codes[~new].tolist(), strict=True)
    )
    place = int(np.isin(parent.keys, child.keys, invert=True).argmax())
    assert child.codes[root] != parent.codes[place]
    copies = replay(parent, rules, place).copies
    assert expanded_operations(child) <= expanded_operations(parent) + max(budget, copies) - copies or kind in (
        "resample_branching",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_possible(kind):
    done = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        try:
            resample_within(sample_within(RULES, rng), kind, RULES, 20, rng)
        except MutationError:
            continue
        done += 1
    assert done > 3


def test_a_kind_without_a_node_says_so():
    same = (COMPUTATION, CODES["C", Operation("identity")])
    derivation = Derivation(GRAMMAR, np.array([SEQUENTIAL, *same, *same]), np.arange(5))
    with pytest.raises(MutationError, match="one of Pre, Post, got one without"):
        resample_within(derivation, "resample_routing", RULES, 20, np.random.default_rng(0))


def test_what_does_not_fit_is_refused():
    too_wide = (COMPUTATION, CODES["C", Operation("linear", (256,))])
    same = (COMPUTATION, CODES["C", Operation("identity")])
    with pytest.raises(GenomeError, match="got linear 256 at node 2"):
        replay(Derivation(GRAMMAR, np.array([SEQUENTIAL, *too_wide, *same]), np.arange(5)), RULES)
    with pytest.raises(GenomeError, match="got computation at node 0"):
        replay(Derivation(GRAMMAR, np.array(same), np.arange(2)), RULES)
