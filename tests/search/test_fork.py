"""A past state branched off with other settings."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
from search_samples import SMALL, NumberSpace, SheddingSpace, finish, step, tiny_data

from workbench.errors import ConfigError, RunError
from workbench.search import Search, SearchConfig, fork_run, plan_fork
from workbench.search.fork import hold_weights
from workbench.spaces import InitialConfig, NeuronSpace
from workbench.store import open_run
from workbench.training import TrainConfig

DATA = tiny_data()
NEURONS = NeuronSpace.for_data(
    DATA, InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.4), edges_per_neuron=(2, 3), spatial_base=1)
)
REAL = SearchConfig(4, 3, 4, seed=1, workers=2, tournament=2, train=TrainConfig(epochs=2, batch_size=16, shift=1))


def finished(path, space=None, config=SMALL):
    finish(Search(DATA, config, path, space or SheddingSpace()))
    return open_run(path)


def forked(run, to, generation, changes=None, space=None):
    plan = plan_fork(run.path, generation, changes, space)
    fork_run(plan, to, DATA)
    return plan, open_run(to)


def rows(run, last: int):
    table = run.individuals
    return table[table["generation"] <= last].drop(columns=["alive", "on_front", "genome"]).reset_index(drop=True)


@pytest.mark.parametrize("generation", [0, 2, 4])
@pytest.mark.parametrize("keep", ["needed", "all"])
def test_a_fork_without_changes_ends_as_the_run_did(tmp_path, generation, keep):
    run = finished(tmp_path / "run", config=replace(SMALL, keep=keep))
    plan, fork = forked(run, tmp_path / "fork", generation, space=SheddingSpace())
    assert fork.state == "stopped"
    assert rows(fork, 9).equals(rows(run, generation))
    assert fork.population() == run.population(generation)
    assert bool(plan.again) == (keep == "needed")
    search = finish(Search(DATA, plan.config, tmp_path / "fork", SheddingSpace(), if_exists="resume"))
    fork = open_run(search.path)
    clocks = ["wall_seconds", "finished_at"]
    assert fork.individuals.drop(columns=clocks).equals(run.individuals.drop(columns=clocks))
    assert fork.generations.drop(columns=clocks).equals(run.generations.drop(columns=clocks))
    assert all(fork.genome_bytes(id) == run.genome_bytes(id) for id in run.individuals["id"])


def test_a_fork_goes_its_own_way_and_knows_where_it_came_from(tmp_path):
    run = finished(tmp_path / "run.sqlite")
    (tmp_path / "forks").mkdir()
    changes = {
        "seed": 9,
        "rates.grow": 0.25,
        "train.epochs": 4,
        "children": 2,
        "population": 4,
        "selection": "accuracy",
    }
    plan, fork = forked(run, tmp_path / "forks" / "b.sqlite", 2, changes, SheddingSpace())
    origin = fork.origin
    assert (origin["path"], origin["generation"], origin["seed"]) == ("../run.sqlite", 2, 3)
    assert origin["created_at"] == run.created_at
    assert set(origin["changes"]) == {"seed", "rates", "train", "children", "population", "selection"}
    assert (fork.seed, fork.config["children"], fork.config["rates"]["grow"]) == (9, 2, 0.25)
    assert fork.config["rates"]["shrink"] == run.config["rates"]["shrink"]
    (event,) = fork.events.to_dict("records")
    assert (event["kind"], event["from_child"], event["generation"]) == ("fork", 14, 3)
    assert event["values"]["before"] == run.config
    finish(Search(DATA, plan.config, fork.path, SheddingSpace(), if_exists="resume"))
    assert rows(fork, 2).equals(rows(run, 2))
    own = fork.individuals[fork.individuals["generation"] > 2]
    assert own["id"].tolist() == [*range(14, 20)]
    assert (own["epochs"] == 4).all()
    assert not set(own["seed"]) & set(run.individuals["seed"])
    assert fork.generations["population"].map(len).tolist() == [6, 6, 6, 4, 4, 4]
    assert fork.generations["hypervolume"][:3].tolist() == run.generations["hypervolume"][:3].tolist()
    first = fork.lineage(int(own["id"].iloc[-1]))["generation"].iloc[0]
    assert first == 0


def test_settings_are_those_that_held_then(tmp_path):
    search = Search(DATA, SMALL, tmp_path / "run", SheddingSpace())
    step(search, 8)
    search.update(tournament=5, rates={"grow": 0.75})
    step(search, 4)
    search.update(tournament=1)
    finish(search)
    for generation, tournament, grow in ((0, 3, 0.5), (1, 5, 0.75), (2, 1, 0.75)):
        plan = plan_fork(search.path, generation, {"rates": {"shrink": 0.25}}, SheddingSpace())
        assert plan.config.tournament == tournament
        assert (plan.config.rates["grow"], plan.config.rates["shrink"]) == (grow, 0.25)
        assert list(plan.changes) == ["rates"]


def test_weights_that_were_dropped_are_trained_again_to_the_same_bits(tmp_path):
    whole = finished(tmp_path / "all", NEURONS, replace(REAL, keep="all", stop_hopeless=True))
    run = finished(tmp_path / "few", NEURONS, replace(REAL, stop_hopeless=True))
    plan = plan_fork(run.path, 1)
    table = run.individuals.set_index("id")
    assert plan.again
    assert all(table["genome"][id] == "topology" for id in plan.again)
    epochs = table["epochs"][list(plan.again)].sum()
    assert f"{len(plan.again)} individuals must be trained again, {epochs} epochs" in plan.cost
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fork_run(plan, tmp_path / "fork", DATA, on_child=made.append)
    assert sorted(one.id for one in made) == sorted(plan.again)
    fork = open_run(tmp_path / "fork")
    needed = {*fork.population(), *fork.front()["id"]}
    assert set(plan.again) & needed
    for id in needed:
        assert fork.genome_bytes(id) == whole.genome_bytes(id)
    finish(Search.resume(fork.path, DATA))
    assert open_run(fork.path).front()["id"].tolist() == run.front()["id"].tolist()


def test_a_difference_is_told(tmp_path):
    class Other(SheddingSpace):
        def train(self, genome, *args, **settings):
            result = super().train(genome, *args, **settings)
            return replace(result, val_accuracy=result.val_accuracy + 1e-9)

    run = finished(tmp_path / "run")
    plan = plan_fork(run.path, 1, space=Other())
    with pytest.warns(UserWarning, match=r"individuals that were trained again differ .* the first is"):
        fork_run(plan, tmp_path / "fork", DATA)


def test_the_first_that_cannot_be_trained_again_is_named(tmp_path):
    """Not one that descends from it."""

    class Forgetful(SheddingSpace):
        def train(self, genome, *args, **settings):
            raise ValueError(f"no idea how, {genome}")

    run = finished(tmp_path / "run")
    plan = plan_fork(run.path, 1, space=Forgetful())
    with pytest.raises(RunError, match=f"individual {plan.again[0]} cannot be trained again: ValueError: no idea how"):
        fork_run(plan, tmp_path / "fork", DATA)
    assert not (tmp_path / "fork").exists()


def test_nothing_is_trained_again_where_it_could_only_fail(tmp_path):
    class Needy(SheddingSpace):
        def check_machine(self):
            raise ConfigError("there is no abacus")

    plan = plan_fork(finished(tmp_path / "run").path, 1, space=Needy())
    with pytest.raises(ConfigError, match="there is no abacus"):
        fork_run(plan, tmp_path / "fork", DATA)


def test_by_hand_ones_come_along(tmp_path):
    search = Search(DATA, SMALL, tmp_path / "run", SheddingSpace())
    step(search, 8)
    early = search.insert((7, 0.9))
    step(search, 8)
    late = search.insert((6, 0.95))
    finish(search)
    _, fork = forked(open_run(search.path), tmp_path / "fork", 1, space=SheddingSpace())
    assert early in fork.population()
    assert late not in fork.individuals["id"].tolist()
    search = Search.open(DATA, plan_fork(fork.path, 1, space=SheddingSpace()).config, fork.path, SheddingSpace())
    assert search.insert((5, 0.97)) == late
    finish(search)


def test_a_fork_of_a_fork(tmp_path):
    run = finished(tmp_path / "run")
    first, fork = forked(run, tmp_path / "fork", 2, {"train.epochs": 4, "seed": 5}, SheddingSpace())
    finish(Search(DATA, first.config, fork.path, SheddingSpace(), if_exists="resume"))
    second, again = forked(fork, tmp_path / "again", 3, {"train.epochs": 1}, SheddingSpace())
    finish(Search(DATA, second.config, again.path, SheddingSpace(), if_exists="resume"))
    epochs = again.individuals.groupby("generation")["epochs"].unique().map(list).tolist()
    assert epochs == [[2], [2], [2], [4], [1], [1]]
    assert again.origin["path"] == "fork"


@pytest.mark.parametrize(
    ("generation", "changes", "error", "named"),
    [
        (6, {}, RunError, r"expected a finished generation \(0 to 5\), got 6"),
        (5, {}, ConfigError, "expects more generations than that, got 5"),
        (3, {"generations": 3}, ConfigError, "more generations"),
        (2, {"speed": 3}, ConfigError, "'speed'"),
        (2, {"rates.wings": 3}, ConfigError, "wings"),
        (2, {"tournament": 0}, ConfigError, "tournament"),
    ],
)
def test_refusals(tmp_path, generation, changes, error, named):
    run = finished(tmp_path / "run")
    with pytest.raises(error, match=named):
        plan_fork(run.path, generation, changes, SheddingSpace())


def test_an_existing_file_or_other_data(tmp_path):
    run = finished(tmp_path / "run")
    plan = plan_fork(run.path, 2, space=SheddingSpace())
    with pytest.raises(RunError, match="exists already"):
        fork_run(plan, run.path, DATA)
    with pytest.raises(RunError, match="made from arrays"):
        fork_run(plan, tmp_path / "fork")
    with pytest.raises(RunError, match="other data"):
        fork_run(plan, tmp_path / "fork", tiny_data(seed=5))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_weights_that_a_running_search_drops_after_the_plan(tmp_path):
    search = Search(DATA, SMALL, tmp_path / "run", SheddingSpace())
    step(search, 12)
    plan = plan_fork(search.path, 1, space=search.space)
    held = hold_weights(plan_fork(search.path, 1, space=search.space))
    assert plan.again == held.again == ()
    finish(search)
    assert plan_fork(search.path, 1, space=search.space).again, "they are dropped by now"
    whole = open_run(search.path)
    for each, trains_again in ((plan, True), (held, False)):
        again = []
        to = fork_run(each, tmp_path / f"fork-{trains_again}", DATA, on_child=again.append)
        assert bool(again) == trains_again
        finish(Search(DATA, each.config, to, SheddingSpace(), if_exists="resume"))
        timed = ["wall_seconds", "finished_at"]
        assert rows(open_run(to), 5).drop(columns=timed).equals(rows(whole, 5).drop(columns=timed))


def test_a_run_that_is_being_written(tmp_path):
    search = Search(DATA, SMALL, tmp_path / "run", NumberSpace())
    step(search, 12)
    plan, fork = forked(open_run(search.path), tmp_path / "fork", 1, space=NumberSpace())
    assert plan.again == ()
    assert fork.individuals["id"].tolist() == list(range(10))
    finish(search)
