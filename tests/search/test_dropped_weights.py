"""Weights that nobody needs any more are dropped, topologies never."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from search_samples import SMALL, NumberSpace, SheddingSpace, finish, memory_of, step, tiny_data, wait_until

from workbench.errors import ConfigError, RunError, WeightsError
from workbench.plots import dag_figure, spatial_figure
from workbench.search import Search, SearchConfig
from workbench.search.again import plan_again, train_again
from workbench.search.stored import RunHistory
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
from workbench.store import open_run
from workbench.training import TrainConfig

DATA = tiny_data()
SPACES = {
    "neurons": NeuronSpace.for_data(DATA, InitialConfig(convolution=1, hidden_layers=(1, 2), layer_size=(0.2, 0.4))),
    "mlp": MlpSpace.for_data(DATA),
}


def make(path, space, config=SMALL, **settings) -> Search:
    return Search(DATA, config, path, space, **settings)


def needed(run) -> set[int]:
    return {*run.population(), *run.front()["id"]}


def test_after_every_generation_only_what_is_needed_has_weights(tmp_path):
    search = make(tmp_path / "run.sqlite", SheddingSpace())
    for generation in range(6):
        search.step(generation=True)
        wait_until(lambda generation=generation: len(open_run(search.path).generations) == generation + 1)
        run = open_run(search.path)
        forms = run.individuals.set_index("id")["genome"]
        expected = {*run.population(), *run.generations["front"].iloc[-1]}
        assert {id for id in forms.index if forms[id] == "trained"} == expected
        assert set(forms) <= {"trained", "topology"}
    finish(search)
    table = open_run(search.path).individuals
    for id, form, flops in table[["id", "genome", "flops"]].itertuples(index=False):
        size, skill = search.space.decode(open_run(search.path).genome_bytes(id))
        assert (2 * size, skill is None) == (flops, form == "topology")


def test_it_changes_no_result_and_may_change_when_a_run_is_resumed(tmp_path):
    finish(make(tmp_path / "all", SheddingSpace(), replace(SMALL, keep="all")))
    search = make(tmp_path / "cut", SheddingSpace())
    step(search, 12)
    search.close()
    finish(make(tmp_path / "cut", SheddingSpace(), replace(SMALL, keep="all"), if_exists="resume"))
    whole, cut = memory_of(tmp_path / "all"), memory_of(tmp_path / "cut")
    assert set(open_run(tmp_path / "all").individuals["genome"]) == {"trained"}
    assert whole["generations"] == cut["generations"]
    assert whole["individuals"] == cut["individuals"].replace('"topology"', '"trained"') != cut["individuals"]


def test_by_hand_ones_and_those_of_spaces_that_cannot_keep_theirs(tmp_path):
    for name, space in {"shedding": SheddingSpace(), "plain": NumberSpace()}.items():
        search = make(tmp_path / name, space)
        step(search, 7)
        id = search.insert((500, 0.01))
        finish(search)
        run = open_run(search.path)
        assert id not in needed(run)
        assert run.genome_bytes(id) == search.space.encode((500, 0.01))
        assert ("topology" in set(run.individuals["genome"])) == (name == "shedding")


@pytest.mark.parametrize("name", SPACES)
def test_topologies_of_real_spaces_are_whole_smaller_and_cannot_be_evaluated(tmp_path, name):
    space = SPACES[name]
    config = SearchConfig(population=3, children=3, generations=2, workers=1, train=TrainConfig(epochs=1))
    finish(make(tmp_path / "all", space, replace(config, keep="all")))
    finish(make(tmp_path / "few", space, config))
    whole, few = open_run(tmp_path / "all"), open_run(tmp_path / "few")
    dropped = few.individuals["id"][few.individuals["genome"] == "topology"].tolist()
    assert dropped
    for id in dropped:
        trained, bare = whole.genome(id), few.genome(id)
        assert space.cost(bare) == space.cost(trained)
        assert space.describe(bare) == space.describe(trained)
        assert len(few.genome_bytes(id)) < len(whole.genome_bytes(id))
        with pytest.raises(WeightsError, match="train it first"):
            space.evaluate(bare, DATA, "validation")
        if name == "neurons":
            edges = [sorted(zip(each.sources, each.targets, strict=True)) for each in (trained, bare)]
            assert edges[0] == edges[1]
            assert np.array_equal(trained.neuron_keys, bare.neuron_keys)
            assert np.array_equal(np.sort(trained.shared), np.sort(bare.shared))
            assert few.individual(id).genome == bare
            assert dag_figure(bare).data
            assert spatial_figure(bare).data


@pytest.mark.parametrize("name", SPACES)
def test_one_individual_is_trained_again_to_the_same_bits(tmp_path, name):
    space = SPACES[name]
    config = SearchConfig(population=3, children=3, generations=3, workers=1, train=TrainConfig(epochs=2), seed=2)
    finish(make(tmp_path / "all", space, replace(config, keep="all")))
    finish(make(tmp_path / "few", space, config))
    whole, few = open_run(tmp_path / "all"), open_run(tmp_path / "few")
    before = (tmp_path / "few").read_bytes()
    history = RunHistory(few, space)
    lost = sorted(set(history.individuals) - history.trained)
    for id in lost:
        plan = plan_again(history, id)
        assert plan.again[-1] == id
        assert f"{len(plan.again)} individual" in plan.cost
        assert f"{2 * len(plan.again)} epochs in all" in plan.cost
        told = []
        again = train_again(plan, DATA, told.append)
        assert [each.id for each in told] == list(plan.again)
        assert space.encode(again.genome) == whole.genome_bytes(id)
        assert not history.differs(again)
        assert plan_again(history, id).cost == "its weights are there"
    assert set(history.again) == set(lost)
    assert (tmp_path / "few").read_bytes() == before


def test_what_cannot_be_trained_again(tmp_path):
    search = make(tmp_path / "run", SheddingSpace())
    step(search, 7)
    by_hand = search.insert((500, 0.01))
    finish(search)
    history = RunHistory(search.results, search.space)
    with pytest.raises(RunError, match="no individual 777"):
        plan_again(history, 777)
    assert plan_again(history, by_hand).again == ()  # those made by hand are kept
    history.trained -= {by_hand}
    with pytest.raises(RunError, match="inserted by hand and not kept"):
        plan_again(history, by_hand)
    lost = min(set(history.individuals) - history.trained)
    history.individuals[lost] = replace(history.individuals[lost], failure="no luck")
    with pytest.raises(RunError, match="no luck"):
        plan_again(history, lost)


def test_a_bad_choice():
    with pytest.raises(ConfigError, match="keep expects one of needed, all"):
        SearchConfig(keep="some")
