"""Whole searches: what is stored, determinism, interruption."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import Executor, Future
from dataclasses import replace

import pytest
from search_samples import SMALL, NumberSpace, finish, memory_of, step, tiny_data, wait_idle

from workbench.datasets import load_dataset
from workbench.errors import ConfigError, RunError
from workbench.evolution import SELECTIONS, SURVIVALS, HypervolumeBounds
from workbench.registry import SPACES
from workbench.search import Search, SearchConfig, preset, replay
from workbench.search.report import front_table
from workbench.settings import to_values
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
from workbench.store import open_run
from workbench.training import TrainConfig, native

DATA = tiny_data()
REAL = SearchConfig(
    population=4,
    children=3,
    generations=2,
    seed=1,
    workers=1,
    tournament=2,
    train=TrainConfig(epochs=2, batch_size=16, dropout=0.1, shift=1),
    hypervolume=HypervolumeBounds(max_error=0.9, min_flops=10, max_flops=1e5),
)
INITIAL = InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.4), edges_per_neuron=(2, 3), spatial_base=1)
NEURONS = NeuronSpace.for_data(DATA, INITIAL)
REAL_SPACES = {
    "neurons": NEURONS,
    "batch normalisation": NeuronSpace.for_data(DATA, replace(INITIAL, normalization="batch")),
    "mlp": MlpSpace.for_data(DATA),
}


def make(path, config=SMALL, space=None, **settings) -> Search:
    return Search(DATA, config, path, space or NumberSpace(), **settings)


def test_a_run_is_all_there(tmp_path):
    search = finish(make(tmp_path / "run.sqlite"))
    run = open_run(tmp_path / "run.sqlite")
    table = run.individuals
    assert run.state == "finished"
    assert table["id"].tolist() == list(range(SMALL.individuals))
    assert table["generation"].value_counts(sort=False).tolist() == [6, 4, 4, 4, 4, 4]
    assert table["parent"].isna().tolist() == [True] * 6 + [False] * 20
    assert set(table["mutation"].dropna()) <= {"grow", "shrink"}
    assert (table["epochs"] == 2).all()
    assert table["seed"].nunique() == SMALL.individuals
    generations = run.generations
    assert generations["generation"].tolist() == list(range(6))
    assert generations["population"].map(len).tolist() == [6] * 6
    assert generations["hypervolume"].is_monotonic_increasing
    assert generations["n_evaluated"].tolist() == [6, 4, 4, 4, 4, 4]
    assert generations["epochs"].tolist() == [12, 8, 8, 8, 8, 8]
    assert generations["best_accuracy"].iloc[-1] == table["val_accuracy"].max()
    assert run.population() == list(range(20, 26))
    front = run.front()
    assert len(front) >= 1
    assert generations["front"].iloc[-1] == front["id"].tolist() == [one.id for one in search.archive]
    assert front["val_accuracy"].iloc[-1] == table["val_accuracy"].max()
    assert len(run.events) == 0
    assert run.config["rates"] == to_values(NumberSpace().rates())
    for id in table["id"]:
        size, skill = search.space.decode(run.genome_bytes(id))
        assert (2 * size, skill) == (table["flops"][id], table["val_accuracy"][id])


def test_parents_were_alive_when_their_children_were_proposed(tmp_path):
    finish(make(tmp_path / "run.sqlite"))
    run = open_run(tmp_path / "run.sqlite")
    for row in run.individuals[run.individuals["generation"] > 0].itertuples():
        assert row.parent in run.population(row.generation - 1)


@pytest.mark.parametrize("space", [NumberSpace(), NEURONS, MlpSpace.for_data(DATA)], ids=lambda space: space.name)
def test_equal_seeds_give_equal_runs_for_any_number_of_workers(tmp_path, space):
    config = SMALL if space.name == "numbers" else REAL
    for name, changes in {"a": {}, "b": {}, "two": {"workers": 2}, "other": {"seed": 99}}.items():
        if name != "b" or space.name == "numbers":
            finish(make(tmp_path / name, replace(config, **changes), space))
    first = memory_of(tmp_path / "a")
    assert '"status":"failed"' not in first["individuals"]
    assert first == memory_of(tmp_path / "two")
    if space.name == "numbers":
        assert first == memory_of(tmp_path / "b")
    assert first["genomes"] != memory_of(tmp_path / "other")["genomes"]


@pytest.mark.parametrize("name", REAL_SPACES)
def test_real_spaces_survive_interruption_and_are_shown(tmp_path, name):
    space = REAL_SPACES[name]
    finish(make(tmp_path / "whole", REAL, space))
    search = make(tmp_path / "cut", REAL, space)
    step(search, 5)
    search.close()
    assert open_run(tmp_path / "cut").state == "stopped"
    finish(Search.resume(tmp_path / "cut", DATA))
    assert memory_of(tmp_path / "cut") == memory_of(tmp_path / "whole")
    assert replay(tmp_path / "cut", tmp_path / "again", DATA).is_same
    run = open_run(tmp_path / "cut")
    table = front_table(run, DATA)
    assert table["id"].tolist() == run.front()["id"].tolist()
    assert table["summary"].str.startswith("36-").all()
    assert table["val_accuracy"].tolist() == [
        space.evaluate(run.genome(id), DATA, "validation") for id in table["id"].tolist()
    ]


@pytest.mark.parametrize("after", [1, 5, 6, 7, 10, 13, 25])
@pytest.mark.parametrize("how", ["same settings", "resume"])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path, after, how):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    finish(make(whole))
    search = make(cut)
    step(search, after)
    search.stop()
    assert search.join(60)
    assert search.snapshot().state == "stopped"
    search.close()
    assert len(open_run(cut).individuals) == after
    if how == "resume":
        again = Search(DATA, replace(SMALL, workers=2), cut, NumberSpace(), if_exists="resume")
    else:
        again = make(cut, if_exists="resume")
    assert again.snapshot().total == after
    finish(again)
    assert memory_of(cut) == memory_of(whole)


def test_resuming_keeps_what_was_done_when_children_finished_out_of_order(tmp_path):
    """As after a kill with two workers: child 7 is stored, child 6 is not."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    finish(make(whole))
    search = make(cut)
    step(search, 8)
    search.close()
    with sqlite3.connect(cut) as connection:
        connection.execute("DELETE FROM genomes WHERE individual = 6")
        connection.execute("DELETE FROM individuals WHERE id = 6")
    connection.close()
    again = make(cut, if_exists="resume")
    finish(again)
    assert again.space.trained != []
    assert memory_of(cut) == memory_of(whole)


def test_a_stopped_search_starts_again_without_being_reopened(tmp_path):
    finish(make(tmp_path / "whole"))
    search = make(tmp_path / "cut")
    for children in (3, 5):
        step(search, children)
        search.stop()
        assert search.join(60)
    finish(search)
    assert memory_of(tmp_path / "cut") == memory_of(tmp_path / "whole")


def test_a_finished_run_stays_as_it_is(tmp_path):
    finish(make(tmp_path / "run.sqlite"))
    before = memory_of(tmp_path / "run.sqlite")
    again = make(tmp_path / "run.sqlite", if_exists="resume")
    assert again.snapshot().state == "finished"
    assert again.snapshot().total == again.snapshot().total_expected == SMALL.individuals
    again.run(progress=False)
    again.step()
    again.close()
    assert memory_of(tmp_path / "run.sqlite") == before
    assert again.space.trained == []


def test_a_run_can_be_made_longer(tmp_path):
    space = MlpSpace.for_data(DATA)
    finish(make(tmp_path / "whole", replace(REAL, generations=4), space))
    finish(make(tmp_path / "run.sqlite", REAL, space))
    again = Search.resume(tmp_path / "run.sqlite", DATA, generations=4)
    assert again.snapshot().state == "idle"
    step(again, 4)
    again.close()
    finish(Search.resume(tmp_path / "run.sqlite", DATA))  # which knows that it was made longer
    longer, whole = memory_of(tmp_path / "run.sqlite"), memory_of(tmp_path / "whole")
    assert longer.pop("events") != whole.pop("events") == "[]"
    assert longer == whole
    (event,) = open_run(tmp_path / "run.sqlite").events.to_dict("records")
    assert (event["kind"], event["from_child"]) == ("generations", REAL.individuals)
    assert event["values"] == {"generations": 4, "before": 2}


def test_a_resumed_search_tells_its_past(tmp_path):
    search = make(tmp_path / "run.sqlite")
    step(search, 15)
    search.close()
    before = open_run(search.path).generations["wall_seconds"].sum()
    again = make(search.path, if_exists="resume")
    now = again.snapshot()
    assert (now.state, now.generation, now.total) == ("idle", 3, 15)
    assert now.elapsed_seconds == before > 0
    finish(again)
    assert again.snapshot().elapsed_seconds > before


def test_another_machine_warns(tmp_path):
    search = make(tmp_path / "run.sqlite")
    step(search, 8)
    search.close()
    with sqlite3.connect(tmp_path / "run.sqlite") as connection:
        connection.execute("""UPDATE run SET value = '"an abacus"' WHERE key = 'cpu'""")
    connection.close()
    with pytest.warns(UserWarning, match="begun with processor an abacus, here .* may differ in their last bits"):
        again = make(tmp_path / "run.sqlite", if_exists="resume")
    finish(again)


@pytest.mark.parametrize(("stored", "said"), [("0", "0"), (None, "1")])
def test_other_kernels_warn(tmp_path, stored, said):
    make(tmp_path / "run.sqlite").close()
    versions = {**open_run(tmp_path / "run.sqlite").versions, "kernels": stored}
    if stored is None:
        del versions["kernels"]
    with sqlite3.connect(tmp_path / "run.sqlite") as connection:
        connection.execute("UPDATE run SET value = ? WHERE key = 'versions'", (json.dumps(versions),))
    connection.close()
    with pytest.warns(UserWarning, match=f"begun with kernels {said}, here {native.VERSION}: its next"):
        make(tmp_path / "run.sqlite", if_exists="resume").close()


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("survival", SURVIVALS)
def test_every_choice_of_selection_and_survival_runs(tmp_path, selection, survival):
    finish(make(tmp_path / "run.sqlite", replace(SMALL, selection=selection, survival=survival)))
    run = open_run(tmp_path / "run.sqlite")
    assert len(run.population()) == SMALL.population
    assert run.individuals["parent"].isna().all() == (selection == "random")
    if survival == "worst":
        best = run.individuals.nlargest(1, "val_accuracy")["id"].item()
        assert best in run.population()


def test_initial_individuals_may_train_longer(tmp_path):
    finish(make(tmp_path / "run.sqlite", replace(SMALL, initial_epochs=7)))
    table = open_run(tmp_path / "run.sqlite").individuals
    assert (table["epochs"] == table["generation"].map(lambda generation: 2 if generation else 7)).all()


def test_flops_bounds_hold(tmp_path):
    finish(make(tmp_path / "run.sqlite", replace(SMALL, flops_min=400, flops_max=1500)))
    table = open_run(tmp_path / "run.sqlite").individuals
    assert table[table["status"] == "ok"]["flops"].between(400, 1500).all()
    assert (table["status"] == "ok").sum() > 20


def test_failed_children_are_recorded_and_the_search_goes_on(tmp_path):
    def failing(seed: int):
        return {0: ValueError("bad luck"), 1: "training diverged", 2: ""}.get(seed % 6)

    search = finish(make(tmp_path / "run.sqlite", space=NumberSpace(failing=failing)))
    run = open_run(tmp_path / "run.sqlite")
    table = run.individuals
    expected = [int(seed) % 6 < 3 for seed in table["seed"]]
    assert (table["status"] == "failed").tolist() == expected
    assert any(expected)
    assert len(table) == SMALL.individuals
    assert table["failure"].notna().tolist() == expected
    failed = table[table["status"] == "failed"]
    assert not failed["on_front"].any()
    assert not failed["alive"].any()
    assert failed["val_accuracy"].isna().all()
    assert run.generations["n_failed"].sum() == search.snapshot().failed == sum(expected)
    assert not set(failed["id"]) & set(table["parent"].dropna())


def test_a_run_with_failures_resumes_the_same(tmp_path):
    def failing(seed: int):
        return ValueError("bad luck") if seed % 3 == 0 else None

    finish(make(tmp_path / "whole", space=NumberSpace(failing=failing)))
    search = make(tmp_path / "cut", space=NumberSpace(failing=failing))
    step(search, 12)
    search.close()
    finish(make(tmp_path / "cut", space=NumberSpace(failing=failing), if_exists="resume"))
    assert memory_of(tmp_path / "cut") == memory_of(tmp_path / "whole")


def test_all_initial_individuals_failing_is_a_clear_error(tmp_path):
    space = NumberSpace(failing=lambda seed: ValueError("no data"))
    search = make(tmp_path / "run.sqlite", space=space)
    with pytest.raises(RunError, match=r"every initial individual failed.*ValueError: no data"):
        search.run(progress=False)
    assert search.snapshot().state == "failed"
    run = open_run(tmp_path / "run.sqlite")
    assert run.state == "failed"
    assert len(run.individuals) == SMALL.population
    with pytest.raises(RunError, match="every initial individual failed"):
        search.close()
    make(tmp_path / "run.sqlite", if_exists="resume").close()  # the file was given free


class LosingExecutor(Executor):
    """Every third worker is lost."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, fn, /, *args, **kwargs):
        self.submitted += 1
        future: Future = Future()
        if self.submitted % 3 == 0:
            future.set_exception(OSError("connection reset"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_a_child_whose_worker_is_lost_is_made_again(tmp_path):
    executor = LosingExecutor()
    finish(make(tmp_path / "lossy.sqlite", executor=executor))
    finish(make(tmp_path / "calm.sqlite"))
    assert executor.submitted >= SMALL.individuals * 4 // 3
    assert memory_of(tmp_path / "lossy.sqlite") == memory_of(tmp_path / "calm.sqlite")


def test_a_child_whose_worker_is_lost_too_often_is_recorded(tmp_path):
    executor = LosingExecutor()
    search = finish(make(tmp_path / "run.sqlite", replace(SMALL, attempts=1), executor=executor))
    table = open_run(tmp_path / "run.sqlite").individuals
    failed = table[table["status"] == "failed"]
    assert failed["id"].tolist() == list(range(2, SMALL.individuals, 3))
    assert set(failed["failure"]) == {"its worker was lost: OSError: connection reset"}
    assert (failed["generation"] > 0).equals(failed["parent"].notna())
    assert search.snapshot().failed == len(failed)
    assert [(event.kind, event.from_child) for event in search.snapshot().events] == [
        ("lost worker", child) for child in failed["id"]
    ]
    assert executor.submitted == SMALL.individuals


class TestRefusals:
    @pytest.fixture
    def path(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        step(search, 8)
        search.close()
        return tmp_path / "run.sqlite"

    def test_an_existing_file(self, path):
        with pytest.raises(RunError, match=r"exists already.*resume.*new"):
            make(path)

    def test_a_free_name_beside_it(self, path):
        search = make(path, if_exists="new")
        assert search.path.name == "run-2.sqlite"
        search.close()

    def test_other_data(self, path):
        with pytest.raises(RunError, match="made with other data"):
            Search(tiny_data(seed=5), SMALL, path, NumberSpace(), if_exists="resume")

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"population": 7}, "population: 6 there, 7 here"),
            ({"seed": 4}, "seed: 3 there, 4 here"),
            ({"survival": "worst"}, "survival: oldest there, worst here"),
            ({"rates": {"grow": 0.9}}, "rates: "),
            ({"train": TrainConfig(epochs=9)}, "train: "),
        ],
    )
    def test_other_settings(self, path, changes, named):
        with pytest.raises(RunError, match=f"made with other settings.*{named}"):
            make(path, replace(SMALL, **changes), if_exists="resume")

    def test_another_space(self, path):
        class Other(NumberSpace):
            def config(self):
                return {"scale": 2}

        with pytest.raises(RunError, match="made with another search space"):
            make(path, space=Other(), if_exists="resume")

    def test_a_refused_resume_leaves_the_run_as_it_was(self, path):
        before = memory_of(path)
        for _ in range(2):  # and gives the file free
            with pytest.raises(RunError, match="other data"):
                Search(tiny_data(seed=5), SMALL, path, NumberSpace(), if_exists="resume")
        assert memory_of(path) == before
        finish(make(path, if_exists="resume"))

    def test_two_searches_in_one_file(self, path):
        search = make(path, if_exists="resume")
        with pytest.raises(RunError, match="being written by"):
            make(path, if_exists="resume")
        search.close()

    def test_data_made_from_arrays_must_be_passed(self, path):
        with pytest.raises(RunError, match=r"'custom', made from arrays .*; pass the same as data="):
            Search.resume(path)

    def test_a_space_that_is_not_known_by_name(self, path, monkeypatch):
        monkeypatch.delitem(SPACES, "numbers")
        with pytest.raises(ConfigError, match="unknown search space 'numbers'"):
            Search.resume(path, DATA)

    @pytest.mark.parametrize("changes", [{"generation": 3}, {"workers": 0}, {"workers": "x"}])
    def test_a_bad_change(self, path, changes):
        with pytest.raises(ConfigError, match=next(iter(changes))):
            Search.resume(path, DATA, **changes)

    def test_a_missing_run(self, tmp_path):
        with pytest.raises(RunError, match="nothing-here"):
            Search.resume(tmp_path / "nothing-here.sqlite")

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(RunError, match="there is no folder"):
            make(tmp_path / "missing" / "run.sqlite")

    def test_a_folder_that_is_not_one(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(RunError):
            make(tmp_path / "file" / "run.sqlite")

    def test_unknown_if_exists(self, tmp_path):
        with pytest.raises(ConfigError, match="if_exists"):
            make(tmp_path / "run.sqlite", if_exists="overwrite")

    @pytest.mark.parametrize("rates", [{"grow": 7}, {"wings": 1}, 5, "much", [1]])
    def test_bad_rates_make_no_file(self, tmp_path, rates):
        with pytest.raises(ConfigError, match=r"grow|wings|rates"):
            make(tmp_path / "run.sqlite", replace(SMALL, rates=rates))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"population": 0}, "population"),
        ({"children": 0}, "children"),
        ({"tournament": 0}, "tournament"),
        ({"generations": -1}, "generations"),
        ({"seed": -1}, "seed"),
        ({"workers": 0}, "workers"),
        ({"selection": "best"}, "selection"),
        ({"survival": "none"}, "survival"),
        ({"flops_min": 5, "flops_max": 4}, "flops_min <= flops_max"),
        ({"flops_min": float("nan")}, "flops_min"),
        ({"flops_max": -1}, "flops_max"),
    ],
)
def test_bad_settings(settings, named):
    with pytest.raises(ConfigError, match=named):
        SearchConfig(**settings)


def test_no_generations_is_the_initial_population_only(tmp_path):
    finish(make(tmp_path / "run.sqlite", replace(SMALL, generations=0)))
    assert len(open_run(tmp_path / "run.sqlite").individuals) == SMALL.population


def test_a_seed_of_63_bits_is_kept_exactly(tmp_path):
    config = replace(SMALL, seed=2**62 + 1)
    search = make(tmp_path / "run.sqlite", config)
    step(search, 3)
    search.close()
    finish(make(tmp_path / "run.sqlite", config, if_exists="resume"))


def test_the_default_space_is_that_of_the_presets_data(tmp_path):
    chosen = preset("quick", DATA, population=2, children=1, generations=0, workers=1)
    search = Search(DATA, replace(chosen.config, train=TrainConfig(epochs=0)), tmp_path / "run.sqlite")
    assert search.space == NeuronSpace.for_data(DATA)
    search.start()
    wait_idle(search, 2)
    search.close()


def test_a_preset_brings_settings_and_space(tmp_path):
    chosen = preset("quick", DATA, population=2, children=1, generations=0, workers=1)
    search = Search(DATA, chosen, tmp_path / "run.sqlite")
    assert (search.space, search.config.population) == (chosen.space(DATA), 2)
    search.close()
    with pytest.raises(ConfigError, match=r"expects a SearchConfig, or a preset .*, got 'best'"):
        Search(DATA, "best", tmp_path / "other.sqlite")
    with pytest.raises(ConfigError, match=r"expects a Dataset, .* got 'mnist'"):
        Search("mnist", chosen, tmp_path / "other.sqlite")
    assert not (tmp_path / "other.sqlite").exists()


def test_the_thread_needs_no_reference(tmp_path):
    """A search goes on though its notebook cell forgot it."""
    make(tmp_path / "run.sqlite").start()
    from workbench.search import attach

    search = attach(tmp_path / "run.sqlite")
    assert search.join(60)
    assert open_run(tmp_path / "run.sqlite").state == "finished"


def test_hopeless_children_stop_early_and_a_resume_stops_the_same(tmp_path):
    data = load_dataset("digits")
    config = SearchConfig(
        population=6, children=8, generations=7, workers=1, stop_hopeless=True, train=TrainConfig(epochs=4)
    )
    space = NeuronSpace.for_data(data, InitialConfig(hidden_layers=(1, 1), edges_per_neuron=(1, 2)))
    whole = Search(data, config, tmp_path / "whole.sqlite", space)
    whole.run(progress=False)
    table = whole.results.individuals
    assert (table["epochs"][table["generation"] <= 3] == 4).all()  # too little is known
    assert (table["epochs"] < 4).any()

    parts = Search(data, config, tmp_path / "parts.sqlite", space)
    step(parts, 6 + 4 * 8 + 3)
    parts.close()
    finish(Search(data, config, tmp_path / "parts.sqlite", space, if_exists="resume"))
    assert memory_of(tmp_path / "parts.sqlite") == memory_of(tmp_path / "whole.sqlite")
