"""What every grammar space promises to `TreeSpace`, over networks drawn and mutated at random."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.datasets import Dataset
from workbench.errors import MutationError
from workbench.spaces import EinSpace, HnasSpace
from workbench.spaces.trees import TreeGenome, TreeSpace
from workbench.training.torch_trainer import adamw
from workbench.training.trainer import TrainConfig

RNG = np.random.default_rng(0)
DATA = Dataset.from_arrays(
    RNG.integers(0, 255, (40, 2, 10, 11)), np.arange(40) % 3, RNG.integers(0, 255, (9, 2, 10, 11)), np.arange(9) % 3
)
MADE: dict[str, TreeSpace] = {
    "hnas": HnasSpace.for_data(DATA, channels=2),
    "einspace": EinSpace.for_data(DATA, budget=30, max_flops=1e6),
    "hnas small images": HnasSpace.for_data(DATA, channels=3, image_size=7),
    "one cell": HnasSpace.for_data(DATA, variant="cell", channels=2),
    "einspace published": EinSpace.for_data(DATA, budget=30, max_flops=1e6, head="published"),
}
QUICK = ("hnas", "einspace")
EVERY_SPACE = pytest.mark.parametrize(
    "space",
    [pytest.param(space, id=name, marks=() if name in QUICK else pytest.mark.slow) for name, space in MADE.items()],
)


def drawn(space: TreeSpace, seed: int, steps: int = 0) -> TreeGenome:
    """A network after some mutations, with first weights."""
    rng = np.random.default_rng(seed)
    genome = space.sample(0, rng)
    for _ in range(steps):
        genome, _ = space.mutate(genome, space.rates(), rng)
    return space.train(genome, DATA, TrainConfig(epochs=0), seed=seed, stream=(0,)).genome


def tensors_of(space: TreeSpace, genome: TreeGenome) -> dict[tuple, np.ndarray]:
    layout = space.layout(genome.derivation)
    parts = np.split(genome.weights, np.cumsum([tensor.size for tensor in layout])[:-1])
    named = {(each.key, each.copy, each.name, each.shape): part for each, part in zip(layout, parts, strict=True)}
    assert len(named) == len(layout)  # none is there twice
    return named


@EVERY_SPACE
@given(st.integers(0, 2**32), st.integers(0, 2))
@settings(max_examples=5)
def test_layout_module_and_cost_agree(space, seed, steps):
    state = torch.get_rng_state()
    genome = drawn(space, seed, steps)
    module = space.build(genome.derivation)
    assert torch.equal(torch.get_rng_state(), state)
    tensors = list(module.tensors())
    assert [tuple(tensor.shape) for tensor in tensors] == [one.shape for one in space.layout(genome.derivation)]
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    assert sum(parameter.numel() for parameter in trained) == space.cost(genome).parameters
    assert {id(parameter) for parameter in trained} <= {id(tensor) for tensor in tensors}
    assert {id(buffer) for buffer in module.buffers()} <= {id(tensor) for tensor in tensors}
    decayed = adamw(module, TrainConfig()).param_groups[0]["params"]
    assert all(parameter.ndim > 1 for parameter in decayed)
    largest = max(np.prod(node.shape) for node in space.picture(genome).nodes if node.kind != "input")
    assert space.largest_activation(genome.derivation) >= largest
    images, _ = DATA.arrays("test")
    assert np.isfinite(space.logits(genome, images)).all()


@EVERY_SPACE
@given(st.integers(0, 2**32), st.data())
@settings(max_examples=5)
def test_each_mutation_keeps_what_it_can(space, seed, data):
    parent = drawn(space, seed)
    kind = data.draw(st.sampled_from(space.mutation_kinds))
    try:
        child, record = space.apply(kind, parent, space.rates(), np.random.default_rng(seed))
    except MutationError:
        return
    assert record["kind"] == kind
    assert child.derivation != parent.derivation
    old = tensors_of(space, parent)
    for key, values in tensors_of(space, child).items():
        if key in old:
            np.testing.assert_array_equal(values, old[key])
        else:
            assert np.isnan(values).all()
    blob = space.encode(child)
    assert space.encode(space.decode(blob)) == blob


@EVERY_SPACE
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_exported_networks_say_the_same(space, seed):
    onnxruntime = pytest.importorskip("onnxruntime")
    genome = drawn(space, seed, 1)
    images = DATA.images("test").copy()
    expected = space.logits(genome, DATA.arrays("test")[0])
    session = onnxruntime.InferenceSession(space.export(genome, ".onnx", DATA, raw=True))
    for count in (1, 9):
        given_logits = session.run(["logits"], {"images": images[:count]})[0]
        np.testing.assert_allclose(given_logits, expected[:count], rtol=1e-3, atol=1e-4)
    if seed:
        program = torch.export.load(io.BytesIO(space.export(genome, ".pt2", DATA, raw=True))).module()
        with torch.inference_mode():
            np.testing.assert_allclose(program(torch.from_numpy(images)).numpy(), expected, rtol=1e-4, atol=1e-5)
