from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import replace

import numpy as np
import pytest
from search.search_samples import step, tiny_data

from workbench import surgery
from workbench.datasets import load_dataset
from workbench.errors import ConfigError, WorkbenchError
from workbench.individuals import is_by_hand
from workbench.initial import random_genome
from workbench.mutations import KINDS, MutationRates, apply
from workbench.search import Search, SearchConfig
from workbench.settings import settings_of
from workbench.store import open_run
from workbench.training import TrainConfig, evaluate
from workbench.views.base.background import Background
from workbench.views.sandbox.data import History, Step
from workbench.widgets import Sandbox, Selection

DIGITS = load_dataset("digits")
TINY = SearchConfig(population=4, children=2, generations=3, initial_epochs=1, train=TrainConfig(epochs=1), workers=1)


@pytest.fixture
def genome(rng):
    return random_genome(DIGITS.shape, DIGITS.n_classes, rng, hidden_layers=(2, 2))


@pytest.fixture
def sandbox(genome):
    made = Sandbox(DIGITS, genome)
    yield made
    made.wait()
    made.close()


def choose(sandbox, kind, seed=0):
    sandbox.mutations.kind.value = kind
    sandbox.mutations.seed.value = seed


def alert(sandbox) -> str:
    return " ".join(re.findall(r'role="alert"[^>]*>(.*?)</div>', sandbox.message.value + sandbox.training.note.value))


def test_a_mutation_is_the_one_that_python_makes(sandbox, genome):
    choose(sandbox, "remove_edges", 7)
    sandbox.mutate()
    child, record = apply("remove_edges", genome, MutationRates(), np.random.default_rng(7))
    assert sandbox.genome == child
    assert sandbox.history.current.record == {**record, "seed": 7}
    assert sandbox.difference.counts["edges_removed"] == record["edges_removed"] + record["edges_pruned"]
    assert sandbox.pictures.dag.scene["changes"] == sandbox.pictures.spatial.scene["changes"]
    assert sandbox.pictures.dag.scene["changes"] == sandbox.difference.counts


def test_new_edges_get_small_weights_and_accuracy_is_measured_before_training(sandbox, genome):
    choose(sandbox, "add_edges")
    sandbox.mutate()
    assert not np.isnan(sandbox.genome.weights).any()
    sandbox.wait()
    before, after = (f"{evaluate(each, DIGITS, 'validation'):.2%}" for each in (genome, sandbox.genome))
    assert f"validation accuracy, before training</th><td>{before}</td><td>{after}</td>" in sandbox.changes.value
    numbers = f"<td>{genome.n_edges:,}</td><td>{sandbox.genome.n_edges:,}</td>"
    assert f"<th>edges</th>{numbers}" in sandbox.changes.value


def test_undo_redo_keep_and_draw_again(sandbox, genome):
    choose(sandbox, "add_edges", 1)
    sandbox.mutate()
    first = sandbox.genome
    sandbox.draw_again()
    second = sandbox.genome
    assert first != second
    assert sandbox.mutations.seed.value == 2
    assert len(sandbox.history.steps) == 2  # drawn instead, not on top
    sandbox.undo()
    assert sandbox.genome == genome
    assert sandbox.steps.undo.disabled
    sandbox.redo()
    assert sandbox.genome == second
    sandbox.keep()
    assert sandbox.difference.is_empty
    sandbox.mutate()
    assert sandbox.difference.counts["edges_added"] > 0
    assert sandbox.difference.before == second
    sandbox.go(0)
    sandbox.mutate()
    assert len(sandbox.history.steps) == 2  # what was undone is forgotten
    assert sandbox.history.base == 0


def sizes_of(kind: str) -> set[str]:
    return {setting.name for setting in settings_of(MutationRates) if kind in setting.of}


def test_only_the_sizes_of_the_chosen_mutation_are_shown_and_they_count(sandbox, genome):
    for kind in KINDS:
        choose(sandbox, kind)
        shown = [name for name, control in sandbox.mutations.sizes.items() if control.layout.display is None]
        assert set(shown) == sizes_of(kind)
    choose(sandbox, "add_edges")
    sandbox.mutations.sizes["new_edges"].value = (0.5, 0.5)
    sandbox.mutate()
    assert sandbox.difference.counts["edges_added"] == round(0.5 * genome.n_edges)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_all_that_a_mutation_depends_on(genome, kind):
    """The table says which fields of the rates matter: others may change without effect, these may not."""
    if kind == "unshare_weights":
        genome, _ = apply("share_weights", genome, MutationRates(shared_groups=(1, 1)), np.random.default_rng(0))
    sizes = ("new_neurons", "new_neuron_edges", "new_edges", "removed_edges", "removed_neuron_edges")
    other = MutationRates(
        **dict.fromkeys(sizes, (0.4, 0.4)),
        bridging_edges=(0.1, 0.1),
        shared_groups=(1.0, 1.0),
        unshared_groups=(1.0, 1.0),
        regions=(8, 8),
        weak_neurons_first=0.0,
        whole_groups=True,
        layer_pairs=1,
        larger_part=0.9,
        bridge=1.0,
        spatial_base=1.0,
        spatial_per_layer=0.1,
    )
    plain = {name: getattr(MutationRates(), name) for name in sizes_of(kind)}
    values = {name: getattr(other, name) for name in vars(other)} | plain
    draw = lambda rates: apply(kind, genome, rates, np.random.default_rng(3))[0]  # noqa: E731
    assert draw(MutationRates(**values)) == draw(MutationRates())
    assert draw(other) != draw(MutationRates())


def test_surgery_by_hand(sandbox, genome):
    neurons = sandbox.pictures.selection
    neurons.part = genome.n_neurons - 1
    assert sandbox.surgery.delete.description == f"Delete neuron {genome.n_neurons - 1}"
    sandbox.surgery.delete.click()
    assert sandbox.genome == surgery.delete_neurons(genome, genome.n_neurons - 1)[0]
    assert neurons.part is None  # it is gone
    sandbox.undo()

    start = int(np.setdiff1d(np.arange(64), genome.sources[genome.targets == 74])[0])
    neurons.part = start
    neurons.part = 74
    assert (sandbox.surgery.source.value, sandbox.surgery.target.value) == (start, 74)
    sandbox.surgery.connect.click()
    assert sandbox.genome.n_edges == genome.n_edges + 1
    assert neurons.part == 74  # the same neuron is still selected
    sandbox.surgery.connect.click()
    assert "connected already" in alert(sandbox)


def test_a_brushed_region(sandbox, genome):
    region = surgery.Region(1, 1, 5, 4.5)
    sandbox.pictures.spatial.region = {"top": 1.0, "left": 1.0, "bottom": 5.0, "right": 4.5}  # what the browser sends
    panel = sandbox.surgery
    assert (panel.rows.value, panel.columns.value) == ((1, 5), (1, 4.5))
    assert f"{len(region.neurons(genome))} hidden neurons of all layers" in panel.found.value
    assert f"{len(region.edges(genome))} edges within the region" in panel.found.value
    panel.share.click()
    assert sandbox.genome == surgery.share_edges(genome, region.edges(genome))[0]
    sandbox.undo()
    panel.which.value = "into its neurons"
    panel.cut_edges.click()
    into = surgery.edges_of(genome, region.neurons(genome), out_of=False)
    assert sandbox.genome == surgery.delete_edges(genome, into)[0]
    sandbox.undo()
    sandbox.pictures.spatial.layer = 1
    panel.cut_neurons.click()
    only = surgery.Region(1, 1, 5, 4.5, layer=1).neurons(genome)
    assert set(genome.neuron_keys[only - 74]).isdisjoint(sandbox.genome.neuron_keys)
    assert len(sandbox.pictures.spatial.brushed_neurons()) == 0
    panel.rows.value = (2, 3)
    assert sandbox.pictures.spatial.region["top"] == 2
    panel.clear.click()
    assert sandbox.pictures.spatial.region == {}
    assert panel.cut_neurons.disabled


def test_pictures_of_before_and_after(sandbox, genome):
    choose(sandbox, "remove_layer")
    sandbox.mutate()
    pictures = sandbox.pictures
    pictures.sight.value = "before"
    assert pictures.dag.genome == genome
    assert "changes" not in pictures.dag.scene
    sandbox.surgery.connect.click()
    assert "shows the network" in alert(sandbox) or "as it was before" in alert(sandbox)
    pictures.sight.value = "after"
    assert pictures.dag.genome == sandbox.genome
    assert "changes" not in pictures.dag.scene
    pictures.sight.value = "difference"
    pictures.spatial.show = "neuron density"  # of the network alone
    assert "changes" not in pictures.spatial.scene
    pictures.spatial.show = "neurons"
    assert pictures.spatial.scene["changes"]["neurons_removed"] > 0


def test_training_is_a_step_of_its_own(sandbox):
    choose(sandbox, "add_edges", 4)
    sandbox.mutate()
    untrained = sandbox.genome
    sandbox.training.controls["epochs"].value = 3
    sandbox.train()
    sandbox.mutate()
    assert "being trained" in alert(sandbox)  # nothing changes under the training
    sandbox.wait()
    assert sandbox.history.current.record["kind"] == "train"
    assert [row["epoch"] for row in sandbox.history.trained()] == [1, 2, 3]
    accuracy = evaluate(sandbox.genome, DIGITS, "validation")
    assert f"Trained 3 epochs: validation accuracy {accuracy:.2%}" in sandbox.training.note.value
    assert "trained 3 epochs" in sandbox.changes.value
    points = {trace.name: len(trace.x) for trace in sandbox.training.curve.shown.data}
    assert points == {"validation accuracy": 4, "training accuracy": 3, "training loss": 3}  # one from before
    assert sandbox.difference.counts["edges_added"] > 0  # still what the mutation did
    sandbox.undo()
    assert sandbox.genome == untrained


def test_training_can_be_stopped(sandbox):
    sandbox.training.controls["epochs"].value = 200
    sandbox.training.stop()  # of an earlier one: a new training is not stopped by it
    sandbox.train()
    sandbox.training.stop()
    sandbox.wait()
    assert 1 <= len(sandbox.history.trained()) < 200
    assert not sandbox.training.train.disabled


def test_a_training_that_fails_is_told(sandbox, genome):
    sandbox.training.config = replace(sandbox.training.config, divergence=1e-9)
    sandbox.train()
    sandbox.wait()
    assert "diverged" in alert(sandbox)
    assert sandbox.genome == genome
    assert not sandbox.steps.steps.disabled


def test_impossible_mutations_are_told(sandbox):
    sandbox.operate(lambda genome: surgery.delete_neurons(genome, 0))
    assert "inputs and outputs are fixed" in alert(sandbox)
    assert len(sandbox.history.steps) == 1


def test_fresh_genomes_and_an_empty_start():
    sandbox = Sandbox(DIGITS)
    assert sandbox.genome is None
    assert sandbox.mutations.mutate.disabled
    sandbox.mutate()
    assert "press Begin" in alert(sandbox)
    for kind in ("random", "dense", "local", "convolution"):
        sandbox.start.kind.value = kind
        sandbox.begin()
        assert sandbox.genome.input_shape == DIGITS.shape
    assert (sandbox.genome.shared >= 0).any()
    sandbox.wait()


def test_without_data_nothing_is_trained_or_measured(genome):
    sandbox = Sandbox(None, genome)
    choose(sandbox, "add_edges")
    sandbox.mutate()
    assert sandbox.training.train.disabled
    assert sandbox.difference.counts["edges_added"] > 0
    with pytest.raises(ConfigError, match="data, a genome or a search"):
        Sandbox(None)


def test_what_was_made_by_hand_joins_the_population(tmp_path):
    search = Search(DIGITS, TINY, tmp_path / "run.sqlite")
    step(search, 4)
    selection = Selection()
    selection.individual = 2
    sandbox = Sandbox(DIGITS, search=search, selection=selection)
    assert sandbox.genome == search.results.genome(2)
    choose(sandbox, "add_edges", 5)
    sandbox.mutate()
    sandbox.train()
    sandbox.wait()
    sandbox.insert()
    sandbox.wait()
    id = selection.individual
    assert is_by_hand(id)
    assert f"individual {id:,} of the search" in sandbox.training.note.value
    search.run(progress=False)
    run = open_run(search.path)
    made = run.individual(id)
    assert (made.origin, made.parent, made.mutation["kind"]) == ("by hand", 2, "add_edges")
    assert run.genome(id) == sandbox.genome
    sandbox.insert()
    sandbox.wait()
    assert "nothing can join it" in alert(sandbox)
    sandbox.close()
    search.close()


def test_a_stored_run_gives_networks_but_takes_none(tmp_path):
    search = Search(DIGITS, TINY, tmp_path / "run.sqlite")
    search.run(progress=False)
    sandbox = Sandbox(DIGITS, search=open_run(search.path))
    assert sandbox.training.insert.disabled
    sandbox.begin()
    assert "no individual is selected" in alert(sandbox)
    run = open_run(search.path)
    best = int(run.front()["id"].iloc[-1])
    sandbox.selection.individual = best
    sandbox.begin()
    assert sandbox.genome == run.genome(best)
    lost = next(id for id in range(4) if np.isnan(run.genome(id).weights).any())  # of one that died out
    sandbox.selection.individual = lost
    sandbox.begin()
    assert f"the weights of individual {lost} were not kept" in alert(sandbox)
    assert sandbox.genome == run.genome(best)
    sandbox.start.again.wait()
    sandbox.start.again.train.click()
    sandbox.start.again.wait()
    sandbox.begin()
    assert sandbox.genome.without_weights() == run.genome(lost)
    sandbox.wait()
    accuracies = run.individuals.set_index("id")["val_accuracy"]
    assert sandbox.history.current.accuracy == accuracies[lost]
    sandbox.start.kind.value = "bare"
    sandbox.begin()
    assert sandbox.genome.has_weights
    assert sandbox.steps.steps.options[0][0] == f"0. individual {lost}, new weights"
    sandbox.wait()


def test_without_the_images_it_says_the_way_out(tmp_path, genome):
    search = Search(tiny_data(), TINY, tmp_path / "run.sqlite")
    search.run(progress=False)
    sandbox = Sandbox(None, search=open_run(search.path))
    assert "made from arrays; pass the same as data=" in sandbox.training.note.value
    assert Sandbox(None, genome).training.note.value.count("Make the sandbox with data.") == 1


def test_several_changes_make_one_record(genome):
    history = History(genome, {"kind": "individual 3"}, 3)
    child = genome
    for _ in range(2):
        child, record = surgery.delete_neurons(child, 80)
        history.do(Step(child, record))
    made = history.record()
    assert made["kind"] == "by hand"
    assert made["steps"] == ["delete_neurons", "delete_neurons"]
    assert made["neurons_removed"] == genome.n_hidden - child.n_hidden
    fresh = History(genome, {"kind": "fresh genome, dense"}).record()
    assert fresh["steps"] == ["fresh genome, dense"]
    with pytest.raises(WorkbenchError, match="step from 0 to 2"):
        history.go(5)


def test_work_is_done_in_threads_and_handed_over_in_the_loop():
    told, main = [], threading.get_ident()

    async def session():
        background = Background(lambda: told.append(("live", threading.get_ident())))
        background.start(threading.get_ident, lambda who: told.append(("done", who)), told.append)
        background.start(lambda: 1 / 0, told.append, lambda error: told.append((type(error), threading.get_ident())))
        while background.is_busy:
            await asyncio.sleep(0.01)

    asyncio.run(session())
    done = dict(told)
    assert done["live"] == main == done[ZeroDivisionError]
    assert done["done"] != main
