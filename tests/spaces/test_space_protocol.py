"""What every search space promises, over all that there are and one that the package does not know.

Tests marked `ANY_SPACE` are the contract that a space of your own has to keep; those marked `EVERY_SPACE` ask for all
that the spaces of the workbench offer.
"""

from __future__ import annotations

import dataclasses
import json
import runpy
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_space import ToySpace

import workbench as wb
from workbench.compiler.export import export_network
from workbench.datasets import Dataset
from workbench.errors import ConfigError, DataError, ExportError, GenomeError, MutationError, WeightsError
from workbench.settings import to_values
from workbench.space import Draws, DropsWeights, Exports, Operates, Predicts, SearchSpace, Times, lacks, write_network
from workbench.spaces import (
    SPACES,
    EinSpace,
    HnasSpace,
    InitialConfig,
    MlpSpace,
    NeuronSpace,
    PairsSpace,
    ProgramSpace,
    make_space,
    register,
    space_for,
)
from workbench.training import TrainConfig

RNG = np.random.default_rng(0)
DATA = Dataset.from_arrays(
    RNG.integers(0, 255, (40, 5, 6)), np.arange(40) % 3, RNG.integers(0, 255, (9, 5, 6)), np.arange(9) % 3
)
MADE = {
    "neurons": NeuronSpace.for_data(
        DATA, InitialConfig(random=1, dense=1, local=1, convolution=1, hidden_layers=(1, 2)), "gather"
    ),
    "mlp": dataclasses.replace(MlpSpace.for_data(DATA), hidden_layers=(0, 2), hidden_widths=(1, 9)),
    "hnas": HnasSpace.for_data(DATA, channels=2),
    "einspace": EinSpace.for_data(DATA, budget=20, max_flops=1e5),
    "programs": ProgramSpace.for_data(DATA, start="network"),
    "pairs": PairsSpace.for_data(DATA, pairs="0-1 2-1"),
}
ANY = {**MADE, "toy": register(ToySpace).for_data(DATA)}
EVERY_SPACE = pytest.mark.parametrize("space", MADE.values(), ids=MADE.keys())
ANY_SPACE = pytest.mark.parametrize("space", ANY.values(), ids=ANY.keys())
CLASSIFIERS = {name: space for name, space in ANY.items() if name != "pairs"}  # they answer for all classes
ANY_CLASSIFIER = pytest.mark.parametrize("space", CLASSIFIERS.values(), ids=CLASSIFIERS.keys())
KINDS = {"range", "number", "integer", "switch"}


def sample(space: SearchSpace, seed: int = 0):
    return space.sample(0, np.random.default_rng(seed))


def test_every_space_is_tested():
    assert MADE.keys() == {name for name, kind in SPACES.items() if kind.__module__.startswith("workbench.")}


@ANY_SPACE
def test_protocol(space):
    assert isinstance(space, SearchSpace)
    assert SPACES[space.name] is type(space)


@ANY_SPACE
def test_config_round_trip_through_json(space):
    made = make_space(space.name, json.loads(json.dumps(space.config())))
    assert made == space
    assert made.config() == space.config()


@pytest.mark.parametrize("name", MADE)
def test_space_for_data(name):
    space = space_for(name, DATA)
    assert (space.input_shape, space.n_outputs) == ((1, 5, 6), 3)


def test_unknown_space():
    for make in (lambda: make_space("cells", {}), lambda: space_for("cells", DATA)):
        with pytest.raises(
            ConfigError,
            match=r"unknown search space 'cells'; expected one of: neurons, mlp.* workbench.spaces.register",
        ):
            make()


@EVERY_SPACE
@pytest.mark.parametrize("damage", [{}, {"input_shape": 5}, {"input_shape": None}, {"n_outputs": "x"}])
def test_damaged_config(space, damage):
    config = {**space.config(), **damage} if damage else {}
    with pytest.raises(ConfigError):
        make_space(space.name, config)


@EVERY_SPACE
def test_rates_round_trip(space):
    rates = space.rates()
    assert space.rates(json.loads(json.dumps(to_values(rates)))) == rates
    kind = space.mutation_kinds[0]
    changed = space.rates({kind: 0.9})
    assert getattr(changed, kind) == 0.9
    assert space.rates(to_values(changed)) == changed != rates


@EVERY_SPACE
def test_bad_rates_name_the_setting(space):
    kind = space.mutation_kinds[0]
    for values in ({kind: "often"}, {kind: -0.1}, {kind: 1.5}, {kind: float("nan")}, {"add_wings": 1}):
        with pytest.raises(ConfigError, match=next(iter(values))):
            space.rates(values)
    with pytest.raises(ConfigError):
        space.rates(dict.fromkeys(space.mutation_kinds, 0))


@EVERY_SPACE
def test_the_schema_covers_every_field_of_the_rates(space):
    values = to_values(space.rates())
    assert sorted(setting.name for setting in space.settings) == sorted(values)
    for setting in space.settings:
        assert setting.kind in KINDS
        assert setting.help
        low, high = setting.slider
        assert low < high
        value = values[setting.name]
        assert isinstance(value, list) == (setting.kind == "range")
        for number in value if isinstance(value, list) else [value]:
            assert low <= number <= high
    probabilities = {setting.name for setting in space.settings if (setting.low, setting.high) == (0, 1)}
    assert probabilities >= set(space.mutation_kinds)


@EVERY_SPACE
def test_every_setting_may_go_to_both_its_ends(space):
    for setting in space.settings:
        for end in (False, True) if setting.kind == "switch" else setting.slider:
            if setting.name in space.mutation_kinds and end == 0:
                continue
            space.rates({setting.name: (end, end) if setting.kind == "range" else end})


@ANY_SPACE
@given(seed=st.integers(0, 2**32), steps=st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_genomes_survive_encoding_bit_for_bit(space, seed, steps):
    rng = np.random.default_rng(seed)
    genome = space.sample(0, rng)
    for _ in range(steps):
        genome, _ = space.mutate(genome, space.rates(), rng)
    blob = space.encode(genome)
    assert space.encode(space.decode(blob)) == blob
    assert space.cost(space.decode(blob)) == space.cost(genome)
    assert b"pickle" not in blob


@ANY_SPACE
@pytest.mark.parametrize(
    "damage", [(6, 64), (8, 1), (8, 32), (10, 99)], ids=["version", "encrypted", "patch", "method"]
)
def test_an_archive_that_asks_for_the_impossible(space, damage):
    blob = bytearray(space.encode(sample(space)))
    offset, value = damage
    blob[blob.index(b"PK\x01\x02") + offset] = value  # in the entry of the first array
    with pytest.raises(GenomeError):
        space.decode(bytes(blob))


@ANY_SPACE
@given(data=st.data())
@settings(max_examples=150, deadline=None, report_multiple_bugs=False)
def test_damaged_bytes_give_a_genome_error_or_a_genome(space, data):
    blob = bytearray(space.encode(sample(space)))
    if data.draw(st.booleans()):
        blob = blob[: data.draw(st.integers(0, len(blob) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        genome = space.decode(bytes(blob))
    except GenomeError:
        return
    space.cost(genome)


@ANY_SPACE
def test_bytes_of_something_else(space):
    other = next(one for one in MADE.values() if one is not space)
    for blob in (b"", b"PK", b"\x80\x04N.", other.encode(sample(other))):
        with pytest.raises(GenomeError):
            space.decode(blob)


@ANY_SPACE
def test_pure(space):
    """The same arguments give the same result, and leave what they were given alone."""
    first, second = sample(space, 5), sample(space, 5)
    assert space.encode(first) == space.encode(second)
    assert len({space.encode(sample(space, seed)) for seed in range(9)}) > 1
    before = space.encode(first)
    children = [space.mutate(first, space.rates(), np.random.default_rng(1)) for _ in range(2)]
    assert space.encode(children[0][0]) == space.encode(children[1][0])
    assert children[0][1] == children[1][1]
    config = TrainConfig(epochs=2, batch_size=16, dropout=0.3)
    trained = [space.train(first, DATA, config, seed=7, stream=(1, 2)) for _ in range(2)]
    assert space.encode(trained[0].genome) == space.encode(trained[1].genome)
    assert trained[0].val_accuracy == trained[1].val_accuracy
    assert space.encode(first) == before


@ANY_SPACE
def test_training_reports(space):
    result = space.train(sample(space), DATA, TrainConfig(epochs=2, batch_size=16), seed=1, stream=(0, 0))
    assert result.failure is None
    assert result.epochs == len(result.history) == 2
    assert result.val_accuracy == result.history[-1]["val_accuracy"]
    assert result.val_accuracy == space.evaluate(result.genome, DATA, "validation")
    assert space.cost(result.genome) == space.cost(sample(space))
    nothing = space.train(result.genome, DATA, TrainConfig(epochs=0), seed=1, stream=(0, 0))
    assert nothing.val_accuracy == nothing.initial_val_accuracy == result.val_accuracy


@EVERY_SPACE
def test_data_of_another_form_are_refused(space):
    images, labels = np.zeros((12, 5, 6)), np.arange(12) % 4
    other = Dataset.from_arrays(images, labels, images, labels, name="other")
    with pytest.raises(DataError, match=r"but other has images \(1, 5, 6\) (with|and) 4"):
        space.train(sample(space), other, TrainConfig(epochs=1), seed=1, stream=(0, 0))
    with pytest.raises(DataError, match="other has images"):
        space.evaluate(sample(space), other, "test")


@ANY_CLASSIFIER
def test_images_of_another_form_are_refused(space):
    if space.name == "toy":
        return
    genome = space.train(sample(space), DATA, TrainConfig(epochs=0), seed=1, stream=(0, 0)).genome
    for shape in ((3, 2, 9, 9), (3, 30)):
        with pytest.raises(DataError, match=r"expected images of shape \(n, 1, 5, 6\), got \(3, "):
            space.logits(genome, np.zeros(shape, np.float32))
    assert space.logits(genome, np.zeros((0, 1, 5, 6), np.float32)).shape == (0, 3)


@pytest.mark.parametrize("name", ["mlp", "hnas", "einspace", "programs", "pairs"])
def test_functions_for_neurons_refuse_other_genomes(name, tmp_path):
    genome = sample(MADE[name])
    for use in (
        lambda: wb.train(genome, DATA),
        lambda: wb.evaluate(genome, DATA),
        lambda: wb.mutate(genome, wb.MutationRates(), np.random.default_rng(0)),
        lambda: wb.export_onnx(genome, tmp_path / "net.onnx"),
        lambda: wb.plots.confusion(genome, DATA),
        lambda: wb.plots.dag_figure(genome),
        lambda: wb.plots.spatial_figure(genome),
        lambda: export_network(genome, tmp_path / "net.npz"),
    ):
        with pytest.raises(GenomeError, match="expected a genome of the neuron-level space, got"):
            use()


@EVERY_SPACE
def test_training_that_diverges_says_so(space):
    config = TrainConfig(epochs=2, batch_size=16, divergence=1e-9)
    result = space.train(sample(space), DATA, config, seed=1, stream=(0, 0))
    assert "diverged" in result.failure
    assert np.isnan(result.val_accuracy)
    assert result.epochs == 1
    space.encode(result.genome)


def onnx_answers(path, images):
    session = pytest.importorskip("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
    takes = session.get_inputs()[0]
    return session.run(None, {takes.name: images if len(takes.shape) == 4 else images.reshape(len(images), -1)})[0]


def torch_answers(path, images):
    torch = pytest.importorskip("torch")
    program = torch.export.load(path)
    *_, takes = (node.meta["val"] for node in program.graph.nodes if node.op == "placeholder")
    return program.module()(torch.tensor(images).reshape(-1, *takes.shape[1:])).detach()


ANSWERS = {
    ".onnx": onnx_answers,
    ".pt2": torch_answers,
    ".py": lambda path, images: runpy.run_path(path)["logits"](images),
}


@EVERY_SPACE
def test_networks_are_exported(space, tmp_path):
    """Files of every format that a space writes give the logits that it predicts."""
    assert isinstance(space, Exports)
    if not isinstance(space, Predicts):
        assert space.name == "pairs"  # tests/spaces/test_program_export.py
        return
    genome = space.train(sample(space), DATA, TrainConfig(epochs=1), seed=1, stream=(0, 0)).genome
    images = DATA.arrays("test")[0][:3]
    expected = space.logits(genome, images)
    endings = [ending for ending in space.formats if ending != ".npz"]
    for ending in endings:
        path = write_network(space, genome, tmp_path / f"net{ending}")
        np.testing.assert_allclose(ANSWERS[ending](path, images), expected, rtol=1e-3, atol=1e-3)
        path = write_network(space, genome, tmp_path / f"raw{ending}", DATA, raw=True)
        np.testing.assert_allclose(ANSWERS[ending](path, DATA.images("test")[:3]), expected, rtol=1e-3, atol=1e-3)
        with pytest.raises(WeightsError, match="train"):
            write_network(space, space.without_weights(genome), tmp_path / f"none{ending}")
        assert not (tmp_path / f"none{ending}").exists()
    path = write_network(space, genome, tmp_path / "net.npz")
    assert space.encode(space.decode(path.read_bytes())) == space.encode(genome)
    with pytest.raises(ExportError, match=rf"must end in one of {', '.join(space.formats)}, got '\.bmp'"):
        write_network(space, genome, tmp_path / "net.bmp")
    with pytest.raises(ExportError, match=f"use {' or '.join(endings)} for raw ones"):
        write_network(space, genome, tmp_path / "net.npz", DATA, raw=True)


@EVERY_SPACE
def test_networks_are_timed(space):
    """Each backend answers for as many images as are asked for."""
    if not isinstance(space, Times):
        assert space.name == "pairs"
        return
    genome = space.without_weights(sample(space))
    for answer in space.answers(genome, 4).values():
        assert np.asarray(answer()).shape[-2:] == (4, 3)


@EVERY_SPACE
def test_a_picture_is_a_graph_whose_counts_are_those_of_the_network(space):
    if not isinstance(space, Draws):
        assert space.name == "neurons"  # which have views of their own
        return
    for seed in range(5):
        genome = space.without_weights(sample(space, seed))
        picture, cost = space.picture(genome), space.cost(genome)
        keys = [node.key for node in picture.nodes]
        assert len(set(keys)) == len(keys)
        columns = {node.key: node.column for node in picture.nodes}
        assert all(columns[edge.source] < columns[edge.target] for edge in picture.edges)
        assert sum(node.flops for node in picture.nodes) == cost.flops
        assert sum(node.parameters for node in picture.nodes) == cost.parameters
        branches = [branch.key for branch in picture.tree]
        assert len(set(branches)) == len(branches)
        assert {node.part for node in picture.nodes} <= {"", *branches}
        assert [branch.parent for branch in picture.tree[:1]] == [None]
        assert all(branch.parent < place for place, branch in enumerate(picture.tree) if place)


@ANY_SPACE
def test_a_picture_has_unique_keys_and_edges_between_its_nodes(space):
    if isinstance(space, Draws):
        picture = space.picture(sample(space))
        keys = [node.key for node in picture.nodes]
        assert len(set(keys)) == len(keys)
        assert {key for edge in picture.edges for key in (edge.source, edge.target)} <= set(keys)


@ANY_CLASSIFIER
def test_predictions_are_those_of_the_accuracy_and_survive_a_file(space, tmp_path):
    assert isinstance(space, Predicts)
    genome = space.train(sample(space), DATA, TrainConfig(epochs=1), seed=1, stream=(0, 0)).genome
    images, labels = DATA.arrays("test")
    logits = space.logits(genome, images)
    assert (logits.shape, logits.dtype) == ((len(images), 3), np.float32)
    assert space.evaluate(genome, DATA, "test") == (logits.argmax(1) == labels).mean()
    if isinstance(space, Exports) and ".npz" in space.formats:
        again = space.decode(write_network(space, genome, tmp_path / "net.npz").read_bytes())
        np.testing.assert_array_equal(space.logits(again, images), logits)


@ANY_SPACE
def test_weights_can_be_dropped(space):
    """What is left is the same network, which training gives weights again."""
    if not isinstance(space, DropsWeights):
        assert space.name == "toy"
        return
    genome = space.train(sample(space), DATA, TrainConfig(epochs=0), seed=1, stream=(0, 0)).genome
    assert space.has_weights(genome)
    bare = space.without_weights(genome)
    assert not space.has_weights(bare)
    assert space.has_weights(genome)
    back = space.decode(space.encode(bare))
    assert not space.has_weights(back)
    assert (space.cost(back), space.describe(back)) == (space.cost(genome), space.describe(genome))
    with pytest.raises(WeightsError):
        space.evaluate(back, DATA, "test")
    if isinstance(space, Predicts):
        with pytest.raises(WeightsError):
            space.logits(back, DATA.arrays("test")[0])
    assert space.has_weights(space.train(back, DATA, TrainConfig(epochs=0), seed=1, stream=(0, 0)).genome)


def test_what_a_space_lacks_is_said_with_a_way_out(tmp_path):
    bare = SimpleNamespace(name="bare")
    assert lacks(MADE["mlp"], Draws) == ""
    assert lacks(bare, Draws).startswith("The space 'bare' does not draw its networks")
    with pytest.raises(ExportError, match=r"does not export its networks: .*space\.Exports.* encode\(genome\)"):
        write_network(bare, None, tmp_path / "net.onnx")


@ANY_SPACE
def test_mutations_say_their_kind_and_can_be_described(space):
    kinds = set()
    for seed in range(60):
        child, record = space.mutate(sample(space, seed % 5), space.rates(), np.random.default_rng(seed))
        kinds.add(record["kind"])
        json.dumps([record, space.describe(child)])
        assert 0 < len(space.describe(child)["summary"]) < 100
    assert kinds <= set(space.mutation_kinds)
    assert len(kinds) >= min(3, len(space.mutation_kinds))


@ANY_SPACE
def test_a_mutation_by_name(space):
    """It is of that kind and leaves the parent alone; what cannot be applied is a `MutationError`."""
    assert isinstance(space, Operates)
    applied = set()
    for seed in range(40):
        genome = sample(space, seed)
        before = space.encode(genome)
        for kind in space.mutation_kinds:
            try:
                child, record = space.apply(kind, genome, space.rates(), np.random.default_rng(seed))
            except MutationError:
                continue
            again, _ = space.apply(kind, genome, space.rates(), np.random.default_rng(seed))
            assert record["kind"] == kind
            assert space.encode(child) == space.encode(again)
            assert (space.encode(child) == before) == (kind == "copy")
            applied.add(kind)
        assert space.encode(genome) == before
        if applied == set(space.mutation_kinds):
            break
    assert applied == set(space.mutation_kinds)
    with pytest.raises(MutationError, match="add_wings"):
        space.apply("add_wings", genome, space.rates(), np.random.default_rng(2))
