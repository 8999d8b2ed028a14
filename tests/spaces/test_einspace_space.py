"""The search space einspace: settings, bounds, mutations, files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.datasets import FACTS
from workbench.derivations import Derivation
from workbench.errors import ConfigError, GenomeError, MutationError
from workbench.search.presets import preset
from workbench.spaces.einspace import seeds as seeds_of
from workbench.spaces.einspace.grammar import CODES, COMPUTATION, GRAMMAR, SEQUENTIAL, Operation
from workbench.spaces.einspace.presets import quick_size
from workbench.spaces.einspace.sampling import KINDS
from workbench.spaces.einspace.seeds import published_within
from workbench.spaces.einspace.space import EinRates, EinSpace

SPACE = EinSpace((3, 32, 32), 10, image_size=16)
SMALL = EinSpace((1, 8, 8), 10, max_flops=1e5, max_parameters=20_000)

seeds = st.integers(0, 2**32)


@given(seeds, st.sampled_from([SPACE, SMALL]), st.sampled_from(["tokens", "published"]))
def test_sampled_and_mutated_networks_are_within_the_bounds(seed, space, head):
    space = replace(space, head=head)
    rng = np.random.default_rng(seed)
    genome = space.sample(0, rng)
    for _ in range(3):
        space.check(genome.derivation)
        cost = space.cost(genome)
        assert cost.flops <= space.max_flops
        assert cost.parameters <= space.max_parameters
        assert len(genome.weights) == sum(tensor.size for tensor in space.layout(genome.derivation))
        again = space.decode(space.encode(genome))
        assert again.derivation == genome.derivation
        np.testing.assert_array_equal(again.weights, genome.weights)
        genome, record = space.mutate(genome, EinRates(), rng)
        assert record["kind"] in KINDS


@given(seeds)
def test_equal_seeds_give_equal_networks(seed):
    first, second = ([SPACE.sample(0, rng), rng.random()] for rng in (np.random.default_rng(seed) for _ in range(2)))
    assert first[0].derivation == second[0].derivation
    assert first[1] == second[1]
    children = [SPACE.mutate(first[0], EinRates(), np.random.default_rng(seed)) for _ in range(2)]
    assert children[0][0].derivation == children[1][0].derivation
    assert children[0][1] == children[1][1]


@settings(max_examples=20)
@given(seeds, st.sampled_from(list(KINDS)))
def test_a_mutation_by_name_is_of_that_kind_or_refused(seed, kind):
    rng = np.random.default_rng(seed)
    parent = SMALL.sample(0, rng)
    try:
        child, record = SMALL.apply(kind, parent, EinRates(), rng)
    except MutationError:
        return
    assert record["kind"] == kind
    place = np.flatnonzero(child.derivation.keys == int(record["node"]))[0]
    assert child.derivation.production(int(place)).symbol in KINDS[kind]


def test_kinds_are_drawn_by_their_rates_or_as_published_by_their_nodes():
    rng = np.random.default_rng(0)
    parent = next(genome for genome in (SPACE.sample(0, rng) for _ in range(99)) if 40 < len(genome.derivation) < 70)
    only = EinRates(**{**dict.fromkeys(KINDS, 0.0), "resample_computation": 1.0})
    assert {SPACE.mutate(parent, only, rng)[1]["kind"] for _ in range(10)} == {"resample_computation"}
    kinds = [SPACE.mutate(parent, replace(only, published=True), rng)[1]["kind"] for _ in range(100)]
    tree = parent.derivation
    modules = sum(tree.production(node).symbol == "M" for node in range(len(tree))) / len(tree)
    assert kinds.count("resample_module") / 100 == pytest.approx(modules, abs=0.2)
    assert len(set(kinds)) >= 3


def test_networks_outside_the_bounds_are_refused():
    wide = (COMPUTATION, CODES["C", Operation("linear", (128,))])
    derivation = Derivation(GRAMMAR, np.array([SEQUENTIAL, *wide, *wide]), np.arange(5))
    blob = SPACE.encode(SPACE.genome(derivation))
    assert SPACE.decode(blob).derivation == derivation
    for name, value in {"max_width": 64, "max_flops": 1e5, "max_parameters": 1000, "max_values": 1000}.items():
        with pytest.raises(GenomeError, match="bounds of this space"):
            replace(SPACE, **{name: value}).decode(blob)


def test_patches_that_nothing_sums_are_bounded():
    """They have no values while a network is derived, since convolutions never write them."""
    codes = seeds_of.routing(Operation("im2col", (3, 1, 1)), seeds_of.SKIP, Operation("col2im"))
    blob = SPACE.encode(SPACE.genome(seeds_of.derivation(seeds_of.sequence(*[codes] * 4))))
    with pytest.raises(GenomeError, match=r"at most 262,144 values, got 5,667,840"):
        SPACE.decode(blob)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"image_size": 15}, "divides images of 32×32 pixels, such as 4, 8, 16, 0, got 15"),
        ({"budget": 1}, "expects a whole number from 2 to 256, got 1"),
        ({"budget": 100, "operations": 50}, r"at most as many operations as any network may have \(50\), got 100"),
        ({"computation": 0}, "a number above 0 to below 1, got 0"),
        ({"max_flops": 10}, "expects at least 60, which the smallest network for images 3×32×32"),
        ({"max_parameters": 39}, "expects at least 40, which the smallest network"),
        ({"head": "none"}, "one of published, tokens"),
    ],
)
def test_bad_settings_say_what_would_work(named, says):
    with pytest.raises(ConfigError, match=says):
        EinSpace((3, 32, 32), 10, **named)


def test_bad_rates_say_what_would_work():
    with pytest.raises(ConfigError, match="at least one mutation needs a probability above 0"):
        EinRates(**dict.fromkeys(KINDS, 0.0))


def test_the_smallest_bounds_still_have_networks():
    space = EinSpace((3, 32, 32), 10, max_flops=60, max_parameters=40, max_values=1, budget=2)
    genome = space.sample(0, np.random.default_rng(0))
    assert space.cost(genome).flops <= 60


def test_a_population_starts_from_published_networks_that_fit():
    space = replace(SPACE, start="published")
    rng = np.random.default_rng(0)
    genomes = [space.sample(index, rng) for index in range(12)]
    published = published_within(space.check)
    assert len(published) >= 2
    for index, genome in enumerate(genomes):
        space.check(genome.derivation)
        of = published[index % len(published)]
        assert (genome.derivation == of) == (index < len(published))
        assert len(np.intersect1d(genome.derivation.keys, of.keys)) > 0 or len(genome.derivation) < len(of)
    with pytest.raises(ConfigError, match="leave room for a published network"):
        EinSpace((1, 2, 2), 10, start="published", max_flops=100).sample(0, rng)


@pytest.mark.parametrize("name", ["quick", "paper"])
@pytest.mark.parametrize("data", FACTS)
def test_presets_make_searches(name, data):
    found = preset(name, data, "einspace")
    space = found.space(FACTS[data])
    assert isinstance(space, EinSpace)
    assert space.sample(0, np.random.default_rng(1)) is not None
    if name == "quick":
        assert space.max_width <= 128
        assert space.max_flops <= 3e6
        assert max(space.rules().shape[1:]) <= 16


def test_quick_sizes_divide_images():
    sizes = {(1, 28, 28): 14, (3, 32, 32): 16, (1, 8, 8): 0, (3, 31, 31): 0, (1, 48, 64): 16, (1, 1, 30): 0}
    assert {shape: quick_size(shape) for shape in sizes} == sizes
