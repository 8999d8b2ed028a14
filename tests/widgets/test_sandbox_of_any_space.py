"""The sandbox of a space that is not one of neurons: all of it but surgery."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from search.search_samples import SMALL, NumberSpace, step, tiny_data

from workbench.datasets import load_dataset
from workbench.errors import ConfigError
from workbench.initial import random_genome
from workbench.search import Search
from workbench.spaces import MlpSpace
from workbench.store import open_run
from workbench.training import TrainConfig
from workbench.views.base.source import source_of
from workbench.views.sandbox.widget import sandbox_of
from workbench.widgets import Sandbox, Selection

DIGITS = load_dataset("digits")
MLP = MlpSpace.for_data(DIGITS)
SEARCH = replace(SMALL, generations=2, initial_epochs=1, train=TrainConfig(epochs=1))


@pytest.fixture
def genome(rng):
    return MLP.without_weights(MLP.sample(0, rng))


@pytest.fixture
def sandbox(genome):
    made = Sandbox(DIGITS, genome, space=MLP)
    yield made
    made.wait()
    made.close()


def test_a_mutation_by_name_is_the_one_that_python_makes(sandbox, genome):
    sandbox.wait()
    start = sandbox.genome
    sandbox.mutations.kind.value = "widen_layer"
    sandbox.mutations.sizes["factor"].value = (0.5, 0.5)
    sandbox.mutations.seed.value = 4
    sandbox.mutate()
    child, record = MLP.apply("widen_layer", start, MLP.rates({"factor": (0.5, 0.5)}), np.random.default_rng(4))
    assert sandbox.genome.widths == child.widths
    assert sandbox.history.current.record == {**record, "seed": 4}
    sandbox.draw_again()
    assert sandbox.mutations.seed.value == 5
    sandbox.undo()
    assert sandbox.genome is start
    sandbox.redo()
    sandbox.keep()
    assert sandbox.steps.keep.disabled


def test_first_weights_and_accuracy_come_by_training_for_no_epochs(sandbox, genome):
    assert not MLP.has_weights(genome)
    sandbox.wait()
    assert MLP.has_weights(sandbox.genome)
    sandbox.mutations.kind.value = "add_layer"
    sandbox.mutate()
    sandbox.wait()
    now = sandbox.genome
    trained = MLP.train(genome, DIGITS, TrainConfig(epochs=0), seed=0, stream=(0,))
    before, after = (f"{MLP.evaluate(each, DIGITS, 'validation'):.2%}" for each in (trained.genome, now))
    assert f"validation accuracy, before training</th><td>{before}</td><td>{after}</td>" in sandbox.changes.value
    assert f"<th>FLOPs</th><td>{MLP.cost(genome).flops:,}</td><td>{MLP.cost(now).flops:,}</td>" in sandbox.changes.value
    for fact in MLP.describe(now):
        assert f"<th>{fact}</th>" in sandbox.changes.value


def test_there_is_no_surgery_and_settings_are_those_of_the_space(sandbox):
    assert sandbox.surgery is None
    assert sandbox.difference is None
    assert [value for _, value in sandbox.mutations.kind.options] == list(MLP.mutation_kinds)
    shown = {
        kind: [name for name, control in sandbox.mutations.sizes.items() if control.layout.display is None]
        for kind in MLP.mutation_kinds
        if setattr(sandbox.mutations.kind, "value", kind) is None
    }
    assert shown == {"add_layer": [], "remove_layer": [], "widen_layer": ["factor"], "narrow_layer": ["factor"]}


def test_pictures_are_those_of_the_space(sandbox):
    modules = sandbox.pictures.pictures["Graph"]
    sandbox.wait()
    start = MLP.picture(sandbox.genome)
    sandbox.mutations.kind.value = "add_layer"
    sandbox.mutate()
    assert (modules.before, modules.picture) == (start, MLP.picture(sandbox.genome))
    assert "added" in sandbox.pictures.note.value
    modules.selection.part = "outputs"
    sandbox.pictures.sight.value = "before"
    assert (modules.before, modules.picture) == (None, start)
    assert sandbox.pictures.selection.part == "outputs"  # the same key in both
    sandbox.pictures.sight.value = "after"
    assert (modules.before, modules.picture) == (None, MLP.picture(sandbox.genome))


def test_it_is_trained_and_joins_the_population(tmp_path):
    search = Search(DIGITS, SEARCH, tmp_path / "run.sqlite", MLP)
    step(search, 3)
    selection = Selection()
    sandbox = sandbox_of(source_of(search), selection)
    sandbox.start.kind.value = "sample"
    sandbox.begin()
    sandbox.mutate()
    sandbox.insert()  # at once: first weights are drawn in the thread
    sandbox.wait()
    first = selection.individual
    selection.individual = 1
    sandbox.start.kind.value = "selected"
    sandbox.begin()
    assert MLP.encode(sandbox.genome) == search.results.genome_bytes(1)
    sandbox.start.kind.value = "bare"
    sandbox.begin()
    sandbox.wait()
    assert sandbox.genome.widths == search.results.genome(1).widths
    assert MLP.encode(sandbox.genome) != search.results.genome_bytes(1)
    sandbox.training.controls["epochs"].value = 2
    sandbox.train()
    sandbox.wait()
    sandbox.insert()
    sandbox.wait()
    search.run(progress=False)
    run = open_run(search.path)
    assert MLP.encode(run.genome(selection.individual)) == MLP.encode(sandbox.genome)
    assert [run.individual(id).origin for id in (first, selection.individual)] == ["by hand"] * 2
    assert run.mutation(first)["kind"] == sandbox.mutations.kind.value
    sandbox.close()
    search.close()


def test_what_a_genome_is_has_to_be_said(genome, rng, tmp_path):
    with pytest.raises(ConfigError, match="got MlpGenome alone; try Sandbox"):
        Sandbox(DIGITS, genome)
    with pytest.raises(ConfigError, match="expected a genome of the search space 'mlp', got Genome"):
        Sandbox(DIGITS, random_genome(DIGITS.shape, 10, rng), space=MLP)
    with pytest.raises(ConfigError, match="expected 36 inputs and 2 outputs"):
        Sandbox(DIGITS, genome, space=MlpSpace.for_data(tiny_data()))
    with pytest.raises(ConfigError, match="'numbers' does not apply mutations by name"):
        Sandbox(tiny_data(), (3, 0.5), space=NumberSpace())
    search = Search(tiny_data(), SMALL, tmp_path / "run.sqlite", NumberSpace())
    assert "does not apply mutations by name" in sandbox_of(source_of(search), Selection()).value
    with pytest.raises(ConfigError, match="got both and they differ"):
        Sandbox(tiny_data(), search=search, space=MLP)
    search.close()
