"""Predicted latency as a third objective: ranked, stored, resumed, replayed, forked; and nothing changes without it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

import pytest
from search_samples import SMALL, NumberSpace, SheddingSpace, finish, memory_of, step, tiny_data

from workbench.cli import main
from workbench.datasets import load_dataset
from workbench.errors import ConfigError, RunError
from workbench.evolution import front_of, most_accurate
from workbench.objectives import LatencyModel
from workbench.plots import front_figure
from workbench.search import Search, SearchConfig, compact_run, fork_run, plan_fork, replay, snapshot_of
from workbench.search.report import chosen_members, front_table
from workbench.settings import from_values
from workbench.space import SearchSpace
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
from workbench.store import open_run
from workbench.training import TrainConfig

DATA, TINY = load_dataset("digits"), tiny_data()
MODEL = LatencyModel(overhead_us=5.0, per_layer_us=7.0, per_neuron_us=0.5, per_edge_us=0.001)
TIMED = SearchConfig(6, 4, 4, seed=2, workers=1, latency=MODEL, train=TrainConfig(epochs=2, batch_size=128))
TWO_OBJECTIVES = replace(TIMED, latency=None, objectives=("accuracy", "flops"))
NEURONS = NeuronSpace.for_data(
    DATA, InitialConfig(hidden_layers=(1, 3), layer_size=(0.1, 0.6), edges_per_neuron=(2, 6), spatial_base=1)
)


class TimedNumbers(SheddingSpace):
    """Numbers whose latency falls with their size."""

    def latency_us(self, genome, model: LatencyModel) -> float:
        return model.overhead_us + 1000 / genome[0]


def make(path, config=TIMED, space: SearchSpace = NEURONS, **settings) -> Search:
    return Search(DATA if space is NEURONS else TINY, config, path, space, **settings)


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    path = tmp_path_factory.mktemp("timed") / "run.sqlite"
    finish(make(path))
    return path


def test_every_individual_has_the_latency_that_the_model_predicts(timed):
    run = open_run(timed)
    for row in run.individuals.itertuples():
        layers = run.facts(row.id)["hidden layers"] + 1
        neurons, edges = run.facts(row.id)["hidden neurons"] + 10, run.facts(row.id)["edges"]
        assert row.latency_us == MODEL.predict(layers, neurons, edges)
        assert run.individual(row.id).latency_us == row.latency_us


def test_the_front_is_that_of_three_objectives(tmp_path):
    finish(make(tmp_path / "run.sqlite", replace(TIMED, generations=5), TimedNumbers()))
    run = open_run(tmp_path / "run.sqlite")
    individuals = run.load().individuals
    expected = [one.id for one in front_of(individuals, run.objectives)]
    assert run.front()["id"].tolist() == expected
    assert sorted(run.generations["front"].iloc[-1]) == sorted(expected)
    assert [one.id for one in snapshot_of(run).archive] == expected
    assert {one.id for one in front_of(individuals)} < set(expected)  # some owe their place to latency
    best = most_accurate(front_of(individuals, run.objectives))
    assert run.generations["best_accuracy"].iloc[-1] == best.val_accuracy == snapshot_of(run).best_accuracy
    assert snapshot_of(run).best == best.id
    assert front_table(run)["latency_us"].notna().all()
    front = front_figure(run).data[2]
    assert front.mode == "markers"
    assert "µs predicted latency" in front.text[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_it_is_the_same_for_any_number_of_workers(tmp_path, timed, workers):
    finish(make(tmp_path / "run.sqlite", replace(TIMED, workers=workers)))
    assert memory_of(tmp_path / "run.sqlite") == memory_of(timed)


@pytest.mark.parametrize("made", [3, 9, 13])
def test_resume_equals_an_uninterrupted_run(tmp_path, timed, made):
    search = make(tmp_path / "run.sqlite")
    step(search, made)
    search.close()
    finish(Search.resume(tmp_path / "run.sqlite", DATA))
    assert memory_of(tmp_path / "run.sqlite") == memory_of(timed)


def test_a_replay_is_the_same(tmp_path, timed):
    again = replay(timed, tmp_path / "copy.sqlite", DATA)
    assert again.difference is None
    assert memory_of(tmp_path / "copy.sqlite") == memory_of(timed)


def test_one_put_in_by_hand_is_predicted_too(tmp_path, timed):
    search = make(tmp_path / "run.sqlite")
    step(search, 7)
    id = search.insert(open_run(timed).genome(open_run(timed).front()["id"].iloc[0]))
    finish(search)
    run = open_run(tmp_path / "run.sqlite")
    assert run.individual(id).latency_us == open_run(timed).front()["latency_us"].iloc[0]
    assert replay(tmp_path / "run.sqlite", data=DATA).is_same


def test_a_fork_goes_on_with_its_objectives(tmp_path, timed):
    fork_run(plan_fork(timed, 2), tmp_path / "fork.sqlite", DATA)
    finish(Search.resume(tmp_path / "fork.sqlite", DATA))
    one, other = (memory_of(path)["individuals"] for path in (timed, tmp_path / "fork.sqlite"))
    keep = ("id", "val_accuracy", "flops", "latency_us", "on_front")
    assert [[row[name] for name in keep] for row in json.loads(one)] == [
        [row[name] for name in keep] for row in json.loads(other)
    ]
    assert replay(tmp_path / "fork.sqlite", data=DATA).is_same


OTHER = {"overhead_us": 9.0, "per_neuron_us": 1.0}


@pytest.mark.parametrize(
    ("changes", "objectives"),
    [
        ({"latency": None}, ["accuracy", "flops"]),
        ({"objectives": "accuracy,flops"}, ["accuracy", "flops"]),
        ({"objectives": "accuracy,parameters"}, ["accuracy", "parameters"]),
        ({"latency": OTHER}, ["accuracy", "flops", "latency"]),
    ],
)
def test_a_fork_chooses_other_objectives(tmp_path, timed, changes, objectives):
    plan = plan_fork(timed, 2, changes)
    fork_run(plan, tmp_path / "fork.sqlite", DATA)
    finish(Search.resume(tmp_path / "fork.sqlite", DATA))
    run = open_run(tmp_path / "fork.sqlite")
    assert run.config["objectives"] == [one.name for one in run.objectives] == objectives
    assert sorted(run.generations["front"].iloc[-1]) == sorted(run.front()["id"])
    if "latency" in objectives:
        model = from_values(LatencyModel, run.config["latency"])
        assert model.overhead_us == OTHER["overhead_us"]
        assert all(one.latency_us == NEURONS.latency_us(run.genome(one.id), model) for one in run.load().individuals)
    assert replay(run.path, data=DATA).difference is None


def test_a_fork_makes_latency_an_objective_and_another_gives_it_up(tmp_path):
    finish(make(tmp_path / "run.sqlite", TWO_OBJECTIVES))
    plan = plan_fork(tmp_path / "run.sqlite", 1, {"latency": MODEL})
    assert {"latency", "objectives"} <= plan.changes.keys()
    assert set(plan.latencies) == set(range(10))
    fork_run(plan, tmp_path / "fork.sqlite", DATA)
    assert open_run(tmp_path / "fork.sqlite").front()["latency_us"].notna().all()
    finish(Search.resume(tmp_path / "fork.sqlite", DATA))
    assert replay(tmp_path / "fork.sqlite", data=DATA).difference is None
    fork_run(plan_fork(tmp_path / "fork.sqlite", 3, {"objectives": "accuracy,flops"}), tmp_path / "two.sqlite", DATA)
    finish(Search.resume(tmp_path / "two.sqlite", DATA))
    assert "latency_us" not in open_run(tmp_path / "two.sqlite").front()
    again = {"latency": OTHER, "generations": 5}
    fork_run(plan_fork(tmp_path / "two.sqlite", 4, again), tmp_path / "three.sqlite", DATA)
    finish(Search.resume(tmp_path / "three.sqlite", DATA))
    assert replay(tmp_path / "three.sqlite", data=DATA).difference is None


def test_a_copy_without_topologies_cannot_be_ranked_by_latency(tmp_path):
    finish(make(tmp_path / "run.sqlite", TWO_OBJECTIVES))
    compact_run(tmp_path / "run.sqlite", tmp_path / "small.sqlite")
    with pytest.raises(
        RunError, match=r"cannot be ranked by latency: no topology of \d+ individuals .* leave latency out"
    ):
        plan_fork(tmp_path / "small.sqlite", 4, {"latency": MODEL, "generations": 6})


def test_parameters_are_an_objective(tmp_path, capsys):
    path = str(tmp_path / "run.sqlite")
    tiny = ["--data", "digits", "--space", "mlp", "--population", "5", "--children", "3", "--generations", "2"]
    few = ["--workers", "1", "--set", "train.epochs=1", "--set", "initial_epochs=1"]
    assert main(["search", *tiny, *few, "--path", path, "--set", "objectives=accuracy,parameters,flops"]) == 0
    run = open_run(path)
    assert run.config["objectives"] == ["accuracy", "flops", "parameters"]
    individuals = run.load().individuals
    assert run.front()["id"].tolist() == [one.id for one in front_of(individuals, run.objectives)]
    assert main(["show", path]) == 0
    assert "parameters" in capsys.readouterr().out
    assert chosen_members(run, DATA)["flops"].is_monotonic_increasing
    front_figure(run)
    assert replay(path, data=DATA).difference is None
    finish(Search.resume(path, DATA, generations=3))


def test_children_that_cannot_come_near_stop_by_all_three(tmp_path):
    config = replace(
        SMALL, population=8, children=8, generations=6, latency=MODEL, stop_hopeless=True, train=TrainConfig(epochs=4)
    )
    finish(make(tmp_path / "run.sqlite", config, TimedNumbers()))
    assert replay(tmp_path / "run.sqlite", data=TINY, space=TimedNumbers()).is_same
    assert len(open_run(tmp_path / "run.sqlite").front()) > 3


def test_without_a_model_nothing_changes(tmp_path):
    finish(make(tmp_path / "able.sqlite", SMALL, TimedNumbers()))
    finish(make(tmp_path / "unable.sqlite", SMALL, SheddingSpace()))
    assert memory_of(tmp_path / "able.sqlite") == memory_of(tmp_path / "unable.sqlite")
    run = open_run(tmp_path / "able.sqlite")
    assert "latency_us" not in run.individuals
    assert "latency_us" not in run.facts(0)
    assert {one.latency_us for one in run.load().individuals} == {None}
    assert run.front()["val_accuracy"].is_monotonic_increasing


@pytest.mark.parametrize("space", [NumberSpace(), MlpSpace.for_data(TINY)])
def test_a_space_that_predicts_no_latency_is_refused(tmp_path, space):
    with pytest.raises(ConfigError, match=f"expects a space that predicts latency .* got '{space.name}'; set latency"):
        make(tmp_path / "run.sqlite", replace(SMALL, latency=MODEL), space)
    assert not (tmp_path / "run.sqlite").exists()


def test_other_models_are_other_settings(tmp_path):
    make(tmp_path / "run.sqlite").close()
    other = replace(TIMED, latency=replace(MODEL, per_edge_us=2.0))
    with pytest.raises(RunError, match=r"other settings \(latency: "):
        make(tmp_path / "run.sqlite", other, if_exists="resume")


@pytest.mark.parametrize("latency", [None, -1.0, "fast", b"0"])
def test_a_file_without_its_latencies_is_damaged(tmp_path, timed, latency):
    path = tmp_path / "run.sqlite"
    path.write_bytes(timed.read_bytes())
    with sqlite3.connect(path) as file:
        file.execute("UPDATE individuals SET latency_us = ? WHERE id = 1", (latency,))
    file.close()
    run = open_run(path)
    for ask in (run.load, run.front, lambda: run.individual(1)):
        with pytest.raises(RunError, match="it is damaged: "):
            ask()


def test_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("workbench.training.calibration.ROUNDS", 1)
    path = str(tmp_path / "run.sqlite")
    tiny = ["--data", "digits", "--population", "3", "--children", "2", "--workers", "1", "--set", "train.epochs=1"]
    search = ["search", *tiny, "--set", "initial_epochs=1", "--path", path, "--latency"]
    assert main([*search, "--generations", "1"]) == 0
    shown = capsys.readouterr().out
    assert "Latency of one image: " in shown
    assert "median relative error" in shown
    assert open_run(path).config["latency"]["overhead_us"] >= 0
    assert main(["show", path]) == 0
    assert "latency us" in capsys.readouterr().out
    assert main([*search, "--generations", "2", "--if-exists", "resume", "--quiet"]) == 0
    assert len(open_run(path).generations) == 3
    assert main(["search", *tiny, "--space", "mlp", "--path", f"{path}2", "--latency"]) == 2
    assert "predicts latency" in capsys.readouterr().err
