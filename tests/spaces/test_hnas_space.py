"""The hierarchical space: sampling, mutations, pictures, settings, and a short search."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_samples import initialised

import workbench as wb
from workbench.datasets import FACTS
from workbench.derivations import Derivation, replay
from workbench.errors import ConfigError, GenomeError, MutationError
from workbench.space import Draws, DropsWeights, Exports, Operates, Predicts, Presets, SearchSpace, Times
from workbench.spaces.hnas import HnasRates, HnasSpace
from workbench.spaces.hnas.grammar import GRAMMARS, LEVELS, KeepsWay
from workbench.spaces.hnas.mutations import KINDS, mutated
from workbench.spaces.trees import TreeGenome
from workbench.training import TrainConfig

SHAPE = ((1, 8, 8), 10)
SPACES = {variant: HnasSpace(*SHAPE, variant=variant) for variant in GRAMMARS}


NOISE = np.random.default_rng(0).integers(0, 255, (60, 13, 9))
OTHER = wb.Dataset.from_arrays(NOISE, np.arange(60) % 3, NOISE[:9], np.arange(9) % 3)


def tree(seed: int, variant: str = "small") -> Derivation:
    return SPACES[variant].sample_tree(np.random.default_rng(seed))


def cells(derivation: Derivation) -> int:
    return sum(derivation.production(node).name == "Cell" for node in range(len(derivation)))


def test_protocols() -> None:
    for protocol in (SearchSpace, Draws, DropsWeights, Exports, Operates, Predicts, Presets, Times):
        assert isinstance(SPACES["small"], protocol)


@pytest.mark.parametrize(("variant", "fewest", "most"), [("small", 3, 9), ("published", 15, 42), ("cell", 1, 1)])
def test_cells_of_random_networks(variant: str, fewest: int, most: int) -> None:
    space = SPACES[variant]
    trees = [tree(seed, variant) for seed in range(200 if variant == "small" else 20)]
    counts = [cells(one) for one in trees]
    assert space.describe(space.genome(trees[0]))["cells"] == counts[0] * (3 if variant == "cell" else 1)
    assert min(counts) >= fewest
    assert max(counts) <= most
    if variant == "small":
        assert (min(counts), max(counts)) == (fewest, most)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS), variant=st.sampled_from(["small", "cell"]))
def test_a_mutation_is_valid_differs_and_keeps_the_keys_around_it(seed: int, kind: str, variant: str) -> None:
    before = tree(seed, variant)
    codes, keys = before.codes.copy(), before.keys.copy()
    try:
        after = mutated(kind, before, np.random.default_rng(seed))
    except MutationError:
        assert variant == "cell"
        assert kind != "operation"
        return
    assert np.array_equal(codes, before.codes)
    assert np.array_equal(keys, before.keys)
    replay(after, KeepsWay(before.grammar))
    assert SPACES[variant].summary(after)
    named = [[derivation.production(node) for node in range(len(derivation))] for derivation in (before, after)]
    assert named[0] != named[1]
    assert len(set(after.keys.tolist())) == len(after)
    assert after.keys[0] == before.keys[0]
    if kind == "crossover":
        assert sorted(after.keys.tolist()) == sorted(before.keys.tolist())
    else:
        new = np.flatnonzero(np.isin(after.keys, before.keys, invert=True))
        assert after.production(int(new[0])).symbol in LEVELS[kind]
        assert np.array_equal(new, np.arange(new[0], new[0] + after.sizes[new[0]]))  # one subtree


def test_children_inherit_what_stays() -> None:
    space, rng = SPACES["small"], np.random.default_rng(0)
    parent = space.genome(tree(3))
    parent.weights[:] = np.arange(len(parent.weights))
    for kind in KINDS:
        child, record = space.apply(kind, parent, HnasRates(), rng)
        kept = child.weights[~np.isnan(child.weights)]
        assert record["kind"] == kind
        assert 0 < len(kept) <= len(child.weights)
        assert len(np.unique(kept)) == len(kept)


def test_a_way_through_is_demanded_of_bytes() -> None:
    space = SPACES["cell"]
    derivation = tree(0, "cell")
    zero = next(code for code, one in enumerate(space.grammar.productions) if one.name == "zero")
    blocked = Derivation(space.grammar, np.array([0, *[zero] * 6], np.uint8), derivation.keys)
    with pytest.raises(GenomeError, match="fits its place"):
        space.decode(space.encode(TreeGenome(blocked, np.full(1, np.nan, np.float32))))


@pytest.mark.parametrize("variant", GRAMMARS)
def test_pictures_are_graphs_from_image_to_answer(variant: str) -> None:
    space = HnasSpace(*SHAPE, variant=variant, cells=2)
    for seed in range(5):
        genome = space.sample(0, np.random.default_rng(seed))
        picture = space.picture(genome)
        columns = {node.key: node.column for node in picture.nodes}
        assert len(columns) == len(picture.nodes)
        assert all(columns[edge.source] < columns[edge.target] for edge in picture.edges)
        assert len({(edge.source, edge.target, edge.label) for edge in picture.edges}) == len(picture.edges)
        assert [node.key for node in picture.nodes if node.kind == "output"] == [max(columns, key=columns.__getitem__)]
        assert {edge.target for edge in picture.edges} == set(columns) - {"image"}
        assert len({edge.source for edge in picture.edges}) == len(columns) - 1
        arrivals = Counter(edge.target for edge in picture.edges)
        for node in picture.nodes:
            assert arrivals[node.key] == 1 or node.kind in ("input", "sum")
        cost = space.cost(genome)
        assert sum(node.flops for node in picture.nodes) == cost.flops
        assert sum(node.parameters for node in picture.nodes) == cost.parameters
        parts = {branch.key for branch in picture.tree}
        assert {node.part for node in picture.nodes} - {""} <= parts
        assert [branch.parent for branch in picture.tree][1:] == genome.derivation.parents.tolist()[1:]


def test_a_sum_belongs_to_the_smallest_part_that_all_comes_from() -> None:
    """So a stage drawn as one box has one way in and one way out."""
    space = SPACES["small"]
    for seed in range(20):
        picture = space.picture(space.genome(tree(seed)))
        places = {branch.key: place for place, branch in enumerate(picture.tree)}
        for stage, branch in enumerate(picture.tree):
            if branch.parent == 0:
                end = next((n for n in range(stage + 1, len(places)) if picture.tree[n].parent == 0), len(places))
                inside = {node.key for node in picture.nodes if stage <= places.get(node.part, -1) < end}
                left = {edge.source for edge in picture.edges if edge.source in inside and edge.target not in inside}
                assert len(left) <= 1


def test_what_a_mutation_keeps_has_the_same_key_in_both_pictures() -> None:
    space = SPACES["small"]
    parent = space.genome(tree(5))
    child, _ = space.apply("block", parent, HnasRates(), np.random.default_rng(0))
    before, after = ({node.key for node in space.picture(genome).nodes} for genome in (parent, child))
    assert len(before ^ after) <= 2


@pytest.mark.parametrize(
    ("shape", "more", "message"),
    [
        ((1, 4, 4), {}, r"at least 5 pixels, got images of 1×4×4; use another space, such as 'einspace'"),
        ((3, 32, 32), {"image_size": 4}, r"averaged to 3×4×4; set image_size to 5 or more, or to 0"),
        ((1, 11, 11), {"image_size": 5}, r"averaged to 1×4×4; set image_size to 6 or more, or to 0"),
        ((1, 1, 30), {}, r"use another space, such as 'einspace'"),
        ((1, 8, 8), {"channels": 0}, r"channels expects a whole number from 1"),
        ((1, 8, 8), {"variant": "large"}, r"one of published, small, cell"),
    ],
)
def test_settings_that_do_not_work_say_what_would(shape: tuple[int, int, int], more: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        HnasSpace(shape, 10, **more)


def test_rates_need_a_mutation() -> None:
    with pytest.raises(ConfigError, match="at least one mutation"):
        HnasRates(**dict.fromkeys(KINDS, 0.0))


def test_a_search_learns_digits_and_its_run_gives_the_same_network_back(tmp_path) -> None:
    data = wb.load_dataset("digits").subset(300)
    space = HnasSpace.for_data(data)
    config = wb.SearchConfig(
        population=3, children=2, generations=1, train=TrainConfig(epochs=3, batch_size=32, learning_rate=0.02)
    )
    wb.Search(data, config, tmp_path / "run.sqlite", space).run(progress=False).close()
    run = wb.open_run(tmp_path / "run.sqlite")
    best = run.front().sort_values("val_accuracy").iloc[-1]
    assert best.val_accuracy > 0.5
    assert run.space == space
    again = space.decode(space.encode(run.genome(int(best.id))))
    assert space.evaluate(again, data, "validation") == best.val_accuracy


@pytest.mark.parametrize("name", ["digits", "mnist", "cifar10"])
@pytest.mark.parametrize("kind", ["quick", "paper"])
def test_presets_allow_networks(name: str, kind: str) -> None:
    preset = wb.preset(kind, name, space="hnas")
    space = preset.space(FACTS[name])
    assert space.variant == ("small" if kind == "quick" else "published")
    low, high = preset.config.flops_bounds
    flops = [space.cost(space.sample(seed, np.random.default_rng(seed))).flops for seed in range(20)]
    assert sum(low <= one <= high for one in flops) >= 5


def test_presets_of_other_data_follow_from_their_size() -> None:
    images = np.random.default_rng(0).integers(0, 255, (60, 20, 40))
    data = wb.Dataset.from_arrays(images, np.arange(60) % 3, images[:9], np.arange(9) % 3)
    preset = wb.preset("quick", data, space="hnas")
    assert preset.space(data).form.image == (1, 7, 14)
    assert preset.config.train.epochs == 20
    with pytest.raises(ConfigError, match="unknown preset 'best' of the space 'hnas'; expected one of: quick, paper"):
        wb.preset("best", data, space="hnas")


def test_exported_networks_say_the_same() -> None:
    """Sides that no pooling divides, all norms and all activations."""
    onnxruntime = pytest.importorskip("onnxruntime")
    space = HnasSpace((1, 13, 9), 3, channels=2, image_size=7)
    genome = initialised(space, space.sample(0, np.random.default_rng(0)), OTHER)
    images, _ = OTHER.arrays("test")
    session = onnxruntime.InferenceSession(space.export(genome, ".onnx"))
    np.testing.assert_allclose(session.run(["logits"], {"images": images})[0], space.logits(genome, images), atol=1e-5)


@pytest.mark.slow
def test_ten_thousand_random_networks_are_within_the_grammar() -> None:
    space, found = SPACES["small"], Counter[int]()
    for seed in range(10_000):
        derivation = space.sample_tree(np.random.default_rng(seed))
        space.check(derivation)
        found[cells(derivation)] += 1
    assert sorted(found) == list(range(3, 10))
