"""Grammars as data and derivations as flat arrays."""

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from workbench.derivations import (
    ARRAYS,
    Derivation,
    Grammar,
    Production,
    Uniform,
    grow,
    read_derivation,
    replay,
    resample,
    sample,
)
from workbench.errors import ConfigError, GenomeError, MutationError
from workbench.genome.npz import read_arrays, write_arrays

P = Production
SUMS = Grammar(
    "E",
    (
        P("E", "add", ("E", "E")),
        P("E", "neg", ("E",)),
        P("E", "x"),
        P("E", "const", ("N",)),
        P("N", "one"),
        P("N", "two"),
    ),
)
FLAT = Grammar("S", (P("S", "pair", ("A", "A")), P("S", "one", ("A",)), P("A", "a"), P("A", "b"), P("A", "a")))
seeds = st.integers(0, 2**32)


@dataclass(frozen=True)
class Bounded:
    """At most `most` leaves in all: the state is (leaves begun, symbols pending)."""

    most: int

    def start(self) -> tuple[int, int]:
        return 0, 1

    def choices(self, symbol: str, state: tuple[int, int]) -> Mapping[int, float]:
        if symbol == "N":
            return {4: 1.0, 5: 3.0}
        room = self.most - sum(state)
        return {2: 1.0, 3: 1.0} | ({0: 5.0, 1: 1.0} if room > 0 else {})

    def advance(self, code: int, done: int, state: tuple[int, int]) -> tuple[int, int]:
        leaves, pending = state
        if done == 0:
            return {0: (leaves, pending + 1), 1: (leaves, pending), 3: (leaves, pending)}.get(
                code, (leaves + 1, pending - 1)
            )
        return state


def drawn(seed: int, most: int = 20) -> Derivation:
    return sample(Bounded(most), SUMS, np.random.default_rng(seed), max_nodes=200, max_steps=2000)


@given(seeds)
def test_structure_is_that_of_the_tree(seed: int) -> None:
    derivation = drawn(seed)
    assert derivation.parents[0] == -1
    assert derivation.sizes[0] == len(derivation)
    for node in range(len(derivation)):
        children = derivation.children(node)
        assert [derivation.production(child).symbol for child in children] == list(derivation.production(node).children)
        assert derivation.sizes[node] == 1 + derivation.sizes[children].sum()
        assert all(derivation.parents[child] == node for child in children)
        assert all(derivation.depths[child] == derivation.depths[node] + 1 for child in children)


@given(seeds)
def test_steps_follow_the_order_of_execution(seed: int) -> None:
    derivation = drawn(seed)

    def recursive(node: int) -> list[tuple[int, int]]:
        steps = [(node, 0)]
        for done, child in enumerate(derivation.children(node), 1):
            steps += [*recursive(child), (node, done)]
        return steps

    assert list(derivation.steps()) == recursive(0)


@given(seeds, seeds)
def test_resampling_keeps_all_other_keys_and_obeys_the_rules(seed: int, again: int) -> None:
    derivation, rng = drawn(seed), np.random.default_rng(again)
    node = int(rng.integers(len(derivation)))
    try:
        child = resample(derivation, node, Bounded(20), rng, max_nodes=200)
    except MutationError:  # what was drawn left too little room for what follows, every time
        reject()
    old = derivation.subtree(node)
    new = slice(node, len(child) - len(derivation) + old.stop)
    assert child.subtree(node) == new
    assert child.codes[node] != derivation.codes[node]
    for name in ("codes", "keys"):
        before, after = getattr(derivation, name), getattr(child, name)
        assert np.array_equal(np.delete(before, old), np.delete(after, new))
    assert not set(child.keys[new].tolist()) & set(derivation.keys.tolist())
    replay(child, Bounded(20))
    assert sum(len(production.children) == 0 for production in map(child.production, range(len(child)))) <= 20


@given(seeds)
def test_written_and_read_it_is_the_same(seed: int) -> None:
    derivation = drawn(seed)
    _, arrays = read_arrays(write_arrays("tree", 1, {}, derivation.arrays), "tree", 1, ARRAYS)
    assert read_derivation(SUMS, arrays) == derivation == pickle.loads(pickle.dumps(derivation))
    assert drawn(seed) == derivation


@given(seeds, st.data())
def test_mutilated_codes_are_refused_or_another_derivation(seed: int, data: Any) -> None:
    derivation = drawn(seed)
    codes, keys = derivation.codes.copy(), derivation.keys.copy()
    cut = data.draw(st.integers(0, len(codes)))
    for place in data.draw(st.lists(st.integers(0, len(codes) - 1), max_size=3)):
        codes[place] = data.draw(st.integers(0, 255))
    try:
        found = read_derivation(SUMS, {"codes": codes[cut:], "keys": keys[cut:]})
    except GenomeError:
        return
    assert found.sizes[0] == len(codes) - cut


def test_what_is_no_derivation_is_refused_soon() -> None:
    keys, began = np.arange(10**6), time.perf_counter()
    bad = {
        "lack some": np.zeros(50, np.uint8),
        "got 6": np.array([6]),
        "an end": np.array([2, 2]),
        "of E, got one of N": np.array([4]),
        "at node 1": np.array([3, 2]),
        "at most 10,000": np.ones(10**6, np.uint8),
        "depth 100": np.array([1] * 200 + [2]),
    }
    for says, codes in bad.items():
        with pytest.raises(GenomeError, match=says):
            read_derivation(SUMS, {"codes": codes, "keys": keys[: len(codes)]})
    with pytest.raises(GenomeError, match="one key twice"):
        read_derivation(SUMS, {"codes": np.array([1, 2]), "keys": np.array([7, 7])})
    with pytest.raises(GenomeError, match="a key for each"):
        read_derivation(SUMS, {"codes": np.array([1, 2]), "keys": np.array([7])})
    assert time.perf_counter() - began < 2


def test_going_back_finds_the_only_way() -> None:
    class OnlyLast:
        """`pair` is possible, but only if its first child is b and its second a."""

        def start(self) -> str:
            return ""

        def choices(self, symbol: str, state: str) -> Mapping[int, float]:
            return {0: 1.0} if symbol == "S" else {2: 1.0, 3: 1.0} if state == "" else {2: 1.0} if state == "3" else {}

        def advance(self, code: int, done: int, state: str) -> str:
            return state + str(code) if code >= 2 else state

    for seed in range(20):
        assert grow(OnlyLast(), FLAT, np.random.default_rng(seed), "S", "").tolist() == [0, 3, 2]
    with pytest.raises(MutationError, match="no other way to expand A"):
        grow(OnlyLast(), FLAT, np.random.default_rng(0), "A", "2")
    with pytest.raises(MutationError, match="2 steps"):
        grow(OnlyLast(), FLAT, np.random.default_rng(0), "S", "", max_steps=2)


def test_derivations_are_counted_exactly() -> None:
    assert FLAT.count() == 3 * 3 + 3
    deep = Grammar("L0", (*(P(f"L{i}", "x", (f"L{i + 1}",) * 6) for i in range(5)), P("L5", "a"), P("L5", "b")))
    assert deep.count() == 2 ** (6**5)
    with pytest.raises(ConfigError, match="finitely many"):
        SUMS.count()


def test_a_production_listed_twice_is_twice_as_likely() -> None:
    rng = np.random.default_rng(0)
    names = [FLAT.productions[grow(Uniform(FLAT), FLAT, rng, "A", None)[0]].name for _ in range(3000)]
    assert names.count("a") == pytest.approx(2000, abs=100)


def test_a_grammar_without_an_end_says_where() -> None:
    with pytest.raises(ConfigError, match="A, S always leads to itself again; add a production of A without it"):
        Grammar("S", (P("S", "s", ("A",)), P("A", "a", ("A", "B")), P("B", "b")))
    with pytest.raises(ConfigError, match="none for B"):
        Grammar("S", (P("S", "s", ("B",)),))
