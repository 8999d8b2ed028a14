"""Individuals that a person puts into a search."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from search_samples import SMALL, NumberSpace, finish, memory_of, step, tiny_data, wait_until

from workbench import Genome
from workbench.errors import ConfigError, RunError, WorkbenchError
from workbench.individuals import BY_HAND, is_by_hand
from workbench.search import Search, replay, snapshot_of
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.store import open_run

DATA = tiny_data()
STRONG = (7, 0.9)  # smaller and better than what the search finds by itself


def make(path, config=SMALL, space=None, **settings) -> Search:
    return Search(DATA, config, path, space or NumberSpace(), **settings)


def go_to(search: Search, total: int) -> int:
    """Make children until there are `total`; returns the generation then in progress."""
    if missing := total - search.snapshot().total:
        step(search, missing)
    generation = 0 if total < SMALL.population else 1 + (total - SMALL.population) // SMALL.children
    wait_until(lambda: search.snapshot().generation == generation)  # until the last one is ranked
    return generation


@pytest.mark.parametrize("after", [0, 3, 6, 8, 25])
def test_it_is_ranked_with_the_generation_in_progress(tmp_path, after):
    search = make(tmp_path / "run.sqlite")
    generation = go_to(search, after)
    id = search.insert(STRONG, parent=2 if after > 2 else None, record={"kind": "surgery"}, history=[{"epoch": 1}])
    assert id == BY_HAND
    assert is_by_hand(id)
    snapshot = search.snapshot()
    assert snapshot.archive[0].id == id
    assert id in [one.id for one in snapshot.current]
    assert (snapshot.total, snapshot.total_expected) == (after, SMALL.individuals)
    finish(search)
    run = open_run(search.path)
    row = run.individuals.set_index("id").loc[id]
    assert (row["origin"], row["mutation"], row["status"], row["epochs"]) == ("by hand", "surgery", "ok", 1)
    assert (row["generation"], row["val_accuracy"], row["flops"]) == (generation, 0.9, 14)
    assert math.isnan(row["initial_val_accuracy"])
    assert id in run.generations["front"][generation]
    assert run.genome_bytes(id) == search.space.encode(STRONG)
    assert [id in run.population(each) for each in range(6)] == [
        each >= generation and each - generation < 2 for each in range(6)
    ]
    assert run.generations["population"].map(len).tolist() == [SMALL.population] * 6
    assert run.generations["n_evaluated"].tolist() == [6, 4, 4, 4, 4, 4]
    own = run.individuals["id"][run.individuals["id"] < BY_HAND]
    assert own.tolist() == list(range(SMALL.individuals))
    (event,) = run.events.to_dict("records")
    assert (event["kind"], event["generation"], event["values"]) == ("by hand", generation, {"id": id})
    assert event["from_child"] == 6 + 4 * generation
    if after > 2:
        assert run.lineage(id)["id"].tolist()[-2:] == [2, id]


def test_it_may_be_a_parent_and_changes_only_what_comes_after(tmp_path):
    finish(make(tmp_path / "without"))
    search = make(tmp_path / "run.sqlite", replace(SMALL, tournament=6))
    step(search, 8)
    id = search.insert(STRONG)
    finish(search)
    table, before = open_run(search.path).individuals, open_run(tmp_path / "without").individuals
    assert id in table["parent"].dropna().tolist()
    assert table["seed"][:26].tolist() == before["seed"].tolist()
    assert table["val_accuracy"][:6].tolist() == before["val_accuracy"][:6].tolist()


@pytest.mark.parametrize("cut_after", [0, 1, 2, 5])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, cut_after):
    for name in ("whole", "cut"):
        search = make(tmp_path / name)
        step(search, 8)
        search.insert(STRONG)
        go_to(search, 8 + cut_after)
        if name == "cut":
            search.close()
            assert snapshot_of(open_run(search.path)).total == 8 + cut_after
            search = make(tmp_path / name, if_exists="resume")
            assert search.snapshot().total == 8 + cut_after
        assert search.insert((8, 0.8)) == BY_HAND + 1
        finish(search)
    assert memory_of(tmp_path / "cut") == memory_of(tmp_path / "whole")


def test_a_search_that_begins_with_networks(tmp_path):
    """They are what a person would have put in before the first child, in the file from the start, and kept by it."""
    search = make(tmp_path / "by hand")
    for genome in (STRONG, (8, 0.8)):
        search.insert(genome)
    finish(search)
    search = make(tmp_path / "run.sqlite", networks=[STRONG, (8, 0.8)])
    assert [one.id for one in search.snapshot().archive] == [BY_HAND]
    search.close()
    for _ in range(2):  # resumed, once before it had any child of its own; it has them already
        search = make(tmp_path / "run.sqlite", networks=[STRONG, (8, 0.8)], if_exists="resume")
        step(search, 8)
        search.close()
    finish(make(tmp_path / "run.sqlite", if_exists="resume"))
    assert memory_of(tmp_path / "run.sqlite") == memory_of(tmp_path / "by hand")
    assert replay(tmp_path / "run.sqlite", None, DATA, space=NumberSpace()).is_same
    row = open_run(tmp_path / "run.sqlite").individuals.set_index("id").loc[BY_HAND]
    assert (row["generation"], row["val_accuracy"], row["origin"]) == (0, 0.9, "by hand")
    make(tmp_path / "cut").close()  # as if killed before they were stored
    finish(make(tmp_path / "cut", networks=[STRONG, (8, 0.8)], if_exists="resume"))
    assert memory_of(tmp_path / "cut") == memory_of(tmp_path / "by hand")
    with pytest.raises(RunError, match="trained genome of the search space 'numbers', got str"):
        make(tmp_path / "none", networks=[STRONG, "nonsense"])
    with pytest.raises(ConfigError, match=r"of 20 to inf FLOPs, as .* got one of 14; set flops_min"):
        make(tmp_path / "none", replace(SMALL, flops_min=20), networks=[STRONG])
    assert not (tmp_path / "none").exists()


def test_while_it_runs_and_when_it_is_stopped(tmp_path):
    search = make(tmp_path / "run.sqlite", replace(SMALL, generations=300, workers=2))
    search.start()
    wait_until(lambda: search.snapshot().generation > 2)
    first = search.insert(STRONG)
    search.stop()
    assert search.join(60)
    second = search.insert((5, 0.5), parent=first)
    assert (first, second) == (BY_HAND, BY_HAND + 1)
    search.close()
    with pytest.raises(RunError, match="closed"):
        search.insert(STRONG)
    assert open_run(search.path).lineage(second)["id"].tolist() == [first, second]


def test_the_search_stays_as_it_is_when_it_is_refused(tmp_path):
    search = make(tmp_path / "run.sqlite")
    step(search, 7)
    for genome, parent, named in [
        (STRONG, 77, "there is no individual 77"),
        ("nonsense", None, "trained genome of the search space 'numbers', got str"),
    ]:
        with pytest.raises(RunError, match=named):
            search.insert(genome, parent=parent)
    finish(search)
    with pytest.raises(RunError, match=r"is finished, so nothing can join it.*extend"):
        search.insert(STRONG)
    finish(make(tmp_path / "other"))
    assert memory_of(search.path) == memory_of(tmp_path / "other")


def test_genomes_of_neurons_must_be_trained_and_fit(tmp_path):
    space = NeuronSpace.for_data(DATA, InitialConfig(layer_size=(0.2, 0.4), edges_per_neuron=(2, 3)))
    search = make(tmp_path / "run.sqlite", space=space)
    fine = space.sample(0, np.random.default_rng(0))
    id = search.insert(fine)
    assert search.results.genome(id) == fine
    assert search.results.individual(id).val_accuracy == space.evaluate(fine, DATA, "validation")
    with pytest.raises(WorkbenchError, match=r"lacks .* train it first"):
        search.insert(fine.with_parameters(None, fine.biases))
    with pytest.raises(WorkbenchError, match="images"):
        search.insert(Genome.from_edges((1, 2, 2), 2, [0, 1], [4, 5], weights=[1, 1]))
    search.close()
