"""Live changes, pause, step, stop, and what a search tells about itself."""

from __future__ import annotations

import math
import signal
import sqlite3
import threading
from contextlib import nullcontext
from dataclasses import FrozenInstanceError, replace

import pytest
from search_samples import (
    PATIENCE,
    SMALL,
    Gate,
    NumberRates,
    NumberSpace,
    finish,
    memory_of,
    step,
    tiny_data,
    wait_at_rest,
    wait_idle,
    wait_until,
)

from workbench.errors import ConfigError, RunError
from workbench.formats import duration
from workbench.search import Search, attach, replay
from workbench.search.watch import progress_line
from workbench.settings import to_values
from workbench.spaces import MlpSpace
from workbench.store import RunWriter, open_run
from workbench.training import TrainConfig

DATA = tiny_data()
ONLY_GROW = NumberRates(grow=1, shrink=0)


def press_ctrl_c() -> None:
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.fixture
def terminal():
    """As in a terminal: Ctrl-C raises, which is ignored where tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def make(path, config=SMALL, space=None, **settings) -> Search:
    return Search(DATA, config, path, space or NumberSpace(), **settings)


def is_paused(search: Search) -> bool:
    return search.snapshot().state == "paused" and not search.snapshot().in_progress


class TestLiveChanges:
    def test_children_from_there_on_follow_and_it_is_logged(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        step(search, 9)
        search.rates = ONLY_GROW
        assert search.rates == ONLY_GROW
        finish(search)
        run = open_run(tmp_path / "run.sqlite")
        (event,) = run.events.to_dict("records")
        assert (event["kind"], event["from_child"], event["generation"]) == ("settings", 9, 1)
        assert event["values"] == {"rates": to_values(ONLY_GROW)}
        kinds = run.individuals["mutation"]
        assert set(kinds[9:]) == {"grow"}
        finish(make(tmp_path / "without"))
        before, after = (open_run(tmp_path / name).individuals["seed"] for name in ("without", "run.sqlite"))
        assert before.tolist() == after.tolist()  # other settings do not move anybody's random numbers
        assert set(open_run(tmp_path / "without").individuals["mutation"][9:]) == {"grow", "shrink"}

    def test_all_live_settings(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        step(search, 9)
        search.update(
            tournament=1, train={"epochs": 5}, rates={"grow": 0.9}, flops_min=300, children=2, flops_max="5000"
        )
        finish(search)
        run = open_run(tmp_path / "run.sqlite")
        values = run.events["values"].item()
        assert values["train"] == {**run.config["train"], "epochs": 5}
        assert values["rates"]["grow"] == 0.9
        assert values["rates"]["shrink"] == 0.5
        assert (values["tournament"], values["children"]) == (1, 2)
        assert (values["flops_min"], values["flops_max"]) == (300, 5000)
        table = run.individuals
        assert table["generation"].value_counts(sort=False).tolist() == [6, 4, 2, 2, 2, 2]
        late = table[(table["id"] >= 9) & (table["status"] == "ok")]
        assert (late["epochs"] == 5).all()
        assert late["flops"].between(300, 5000).all()

    @pytest.mark.parametrize("changed_at", [0, 3, 6, 9, 10])
    @pytest.mark.parametrize("stopped_after", [0, 1, 5])
    def test_a_resumed_run_with_live_changes_equals_an_uninterrupted_one(self, tmp_path, changed_at, stopped_after):
        """Also where the change comes between two generations (6, 10)."""
        changes = {"rates": ONLY_GROW, "children": 2, "train": {"epochs": 4}}
        for name in ("whole", "cut"):
            search = make(tmp_path / name)
            if changed_at:
                step(search, changed_at)
            search.update(**changes)
            if name == "cut":
                if stopped_after:
                    step(search, stopped_after)
                search.close()
                search = make(tmp_path / name, if_exists="resume")
                if not stopped_after:  # nothing depended on it yet, so it was not logged
                    search.update(**changes)
                else:
                    assert search.rates == ONLY_GROW
            finish(search)
        assert memory_of(tmp_path / "cut") == memory_of(tmp_path / "whole")
        assert open_run(tmp_path / "cut").events["from_child"].tolist() == [changed_at]

    @pytest.mark.parametrize("children", [1, 7])
    def test_the_size_of_a_generation_changes_between_generations(self, tmp_path, children):
        search = make(tmp_path / "run.sqlite")
        search.step(generation=True)
        wait_until(lambda: search.snapshot().generation == 1)
        search.update(children=children)
        finish(search)
        counts = open_run(tmp_path / "run.sqlite").individuals["generation"].value_counts(sort=False)
        assert counts.tolist() == [6, *[children] * 5]

    def test_a_smaller_generation_after_children_finished_out_of_order(self, tmp_path):
        """As after a kill with three workers: of generation 1 only child 8 is stored.

        Children 6 and 7 keep the settings under which 8 was made, so that a replay can tell which child had which.
        """
        search = make(tmp_path / "run.sqlite")
        step(search, 9)
        search.close()
        with sqlite3.connect(search.path) as connection:
            for table, column in (("genomes", "individual"), ("individuals", "id")):
                connection.execute(f"DELETE FROM {table} WHERE {column} IN (6, 7)")
        connection.close()
        search = make(tmp_path / "run.sqlite", if_exists="resume")
        search.update(children=1)
        finish(search)
        table = open_run(tmp_path / "run.sqlite").individuals
        assert table["id"].tolist() == list(range(14))
        assert table["generation"].value_counts(sort=False).tolist() == [6, 4, 1, 1, 1, 1]
        assert open_run(search.path).events["from_child"].tolist() == [9]
        assert replay(search.path, data=DATA, space=NumberSpace()).difference is None

    def test_several_changes_before_the_next_child_are_one_event(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        step(search, 7)
        search.update(tournament=5)
        search.update(tournament=2, rates={"grow": 1})
        search.update(rates={"shrink": 0.25})
        step(search, 1)
        search.update(tournament=2)  # no change
        search.close()
        (event,) = open_run(tmp_path / "run.sqlite").events.to_dict("records")
        assert event["values"]["tournament"] == 2
        assert event["values"]["rates"] == {"grow": 1.0, "shrink": 0.25, "size": [0.1, 0.3]}

    def test_a_change_taken_back_in_time_is_no_event(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        step(search, 7)
        search.update(tournament=5)
        search.update(tournament=3)
        finish(search)
        assert len(open_run(tmp_path / "run.sqlite").events) == 0

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"population": 9}, "'population' cannot change while a search runs; expected one of: children"),
            ({"seed": 9}, "'seed'"),
            ({"speed": 9}, "'speed'"),
            ({"tournament": 0}, "tournament"),
            ({"tournament": "many"}, "tournament"),
            ({"children": None}, "children"),
            ({"train": {"epochs": -1}}, "epochs"),
            ({"train": {"epoch": 1}}, "'epoch'"),
            ({"train": 5}, "train"),
            ({"rates": {"grow": 2}}, "grow"),
            ({"rates": {"wings": 2}}, "'wings'"),
            ({"rates": 5}, "rates"),
            ({"rates": MlpSpace.for_data(DATA).rates()}, "add_layer"),
            ({"flops_min": 10, "flops_max": 9}, "flops_min <= flops_max"),
            ({"children": 9, "tournament": 0}, "tournament"),
        ],
    )
    def test_a_bad_change_changes_nothing(self, tmp_path, changes, named):
        search = make(tmp_path / "run.sqlite")
        step(search, 7)
        with pytest.raises(ConfigError, match=named):
            search.update(**changes)
        finish(search)
        finish(make(tmp_path / "other"))
        assert memory_of(tmp_path / "run.sqlite") == memory_of(tmp_path / "other")

    def test_rates_are_immutable(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        with pytest.raises(FrozenInstanceError):
            search.rates.grow = 1
        search.close()


class TestControl:
    def test_pause_lets_those_in_training_finish_and_nothing_else_moves(self, tmp_path):
        gate = Gate()
        search = make(tmp_path / "run.sqlite", replace(SMALL, workers=2), NumberSpace(on_train=gate))
        search.start()
        gate.wait_for_somebody()
        gate.wait_for_somebody()
        search.pause()
        assert search.snapshot().in_progress == (0, 1)
        gate.open()
        wait_until(lambda: is_paused(search))
        wait_at_rest(search)
        assert search.snapshot().total == 2
        assert not search.join(0)
        finish(search)
        assert len(open_run(search.path).individuals) == SMALL.individuals

    @pytest.mark.parametrize("workers", [1, 3])
    def test_steps_make_exactly_so_many(self, tmp_path, workers):
        search = make(tmp_path / "run.sqlite", replace(SMALL, workers=workers))
        for children in (1, 1, 3, 8):  # over the end of generations
            step(search, children)
            assert search.snapshot().state == "paused"
        wait_at_rest(search)
        assert search.snapshot().total == 13
        search.close()
        assert open_run(search.path).individuals["id"].tolist() == list(range(13))
        finish(make(tmp_path / "whole"))
        finish(make(search.path, if_exists="resume"))
        assert memory_of(search.path) == memory_of(tmp_path / "whole")

    def test_step_to_the_generations_end(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        for generation, total in ((1, 6), (2, 10)):
            search.step(generation=True)
            wait_until(lambda generation=generation: search.snapshot().generation == generation)
            assert (search.snapshot().total, search.snapshot().finished) == (total, 0)
            assert search.snapshot().state == "paused"
            assert len(open_run(search.path).generations) == generation
        step(search, 2)
        search.step(generation=True)
        wait_until(lambda: search.snapshot().generation == 3)
        wait_at_rest(search)
        assert search.snapshot().total == 14
        search.close()

    def test_stepping_over_the_end_finishes(self, tmp_path):
        search = make(tmp_path / "run.sqlite", replace(SMALL, generations=1))
        search.step(1000)
        assert search.join(PATIENCE)
        assert search.snapshot().state == "finished"
        assert search.snapshot().total == 10

    def test_stop_while_paused_and_before_the_start(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        search.stop()
        assert search.join(0)
        assert search.snapshot().state == "idle"
        search.pause()
        search.stop()
        assert search.join(PATIENCE)
        assert search.snapshot().state == "stopped"
        assert search.snapshot().total == 0
        finish(search)

    def test_stop_keeps_what_is_in_training(self, tmp_path):
        gate = Gate()
        search = make(tmp_path / "run.sqlite", replace(SMALL, workers=2), NumberSpace(on_train=gate))
        search.start()
        gate.wait_for_somebody()
        gate.wait_for_somebody()
        search.stop()
        gate.open()
        assert search.join(PATIENCE)
        assert open_run(search.path).individuals["id"].tolist() == [0, 1]
        search.close()
        search.close()  # twice does no harm

    def test_join_with_a_timeout(self, tmp_path):
        gate = Gate()
        search = make(tmp_path / "run.sqlite", space=NumberSpace(on_train=gate))
        search.start()
        search.start()  # twice does no harm
        assert not search.join(0.01)
        gate.open()
        assert search.join(PATIENCE)

    def test_ctrl_c_while_waiting_leaves_the_thread_alone(self, tmp_path, terminal):
        gate = Gate()
        search = make(tmp_path / "run.sqlite", space=NumberSpace(on_train=gate))
        search.start()
        gate.wait_for_somebody()
        threading.Timer(0.05, press_ctrl_c).start()
        with pytest.raises(KeyboardInterrupt):
            search.join(PATIENCE)
        assert not search.join(0)
        search.stop()
        gate.open()
        search.close()
        assert (open_run(search.path).state, len(open_run(search.path).individuals)) == ("stopped", 1)
        finish(make(search.path, if_exists="resume"))
        finish(make(tmp_path / "whole"))
        assert memory_of(search.path) == memory_of(tmp_path / "whole")

    @pytest.mark.parametrize("times", [1, 2])
    def test_ctrl_c_ends_a_run_after_the_children_in_training_and_again_without_them(self, tmp_path, terminal, times):
        gate = Gate()
        search = make(tmp_path / "run.sqlite", space=NumberSpace(on_train=gate))

        def interrupt() -> None:
            gate.wait_for_somebody()
            press_ctrl_c()
            wait_until(lambda: search.snapshot().state == "stopped")
            press_ctrl_c() if times == 2 else gate.open()

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt) if times == 2 else nullcontext():
            search.run(progress=False)
        assert search.join(0)
        search.close()
        gate.open()
        assert (open_run(search.path).state, len(open_run(search.path).individuals)) == ("stopped", 2 - times)

    def test_run_returns_the_search_and_prints_its_progress(self, tmp_path, capsys):
        search = make(tmp_path / "run.sqlite")
        assert search.run() is search
        shown = capsys.readouterr().err
        assert "finished · generation 5/5 · 26/26 individuals" in shown
        assert search.results.state == "finished"

    def test_a_run_file_that_cannot_be_written_any_more(self, tmp_path, monkeypatch):
        search = make(tmp_path / "run.sqlite")
        step(search, 2)

        def refuse(*arguments, **named):
            raise RunError("the disk is gone")

        monkeypatch.setattr(RunWriter, "add_individual", refuse)
        search.start()
        with pytest.raises(RunError, match="the disk is gone"):
            search.join(PATIENCE)
        assert search.snapshot().state == "failed"
        assert len(open_run(search.path).individuals) == 2


class TestAttach:
    def test_the_live_search_by_any_name_of_its_file(self, tmp_path, monkeypatch):
        search = make(tmp_path / "run.sqlite")
        (tmp_path / "link.sqlite").symlink_to(tmp_path / "run.sqlite")
        monkeypatch.chdir(tmp_path)
        assert attach(tmp_path / "run.sqlite") is search
        assert attach("run.sqlite") is attach("link.sqlite") is search
        search.close()
        with pytest.raises(RunError, match="no search in this process"):
            attach("run.sqlite")

    def test_nobody_writes_it(self, tmp_path):
        with pytest.raises(RunError, match=r"no search in this process writes .*open_run.*Search\.resume"):
            attach(tmp_path / "run.sqlite")

    def test_the_latest_search_of_a_file(self, tmp_path):
        former = make(tmp_path / "run.sqlite")
        former.close()
        search = make(tmp_path / "run.sqlite", if_exists="resume")
        former.close()
        assert attach(tmp_path / "run.sqlite") is search
        search.close()

    def test_a_finished_search_may_still_be_looked_at(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        search.run(progress=False)
        assert attach(tmp_path / "run.sqlite").snapshot().state == "finished"


class TestSnapshot:
    def test_before_within_and_after(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        fresh = search.snapshot()
        assert (fresh.state, fresh.generation, fresh.generations) == ("idle", 0, 5)
        assert (fresh.finished, fresh.expected, fresh.total, fresh.total_expected) == (0, 6, 0, 26)
        assert (fresh.population, fresh.archive, fresh.hypervolume) == ((), (), 0)
        assert math.isnan(fresh.best_accuracy)
        assert fresh.remaining_seconds is None
        assert "best –" in progress_line(fresh)
        busy = replace(fresh, compiling="compiling kernels, 3 of 17")
        assert progress_line(busy) == f"{fresh.state} · compiling kernels, 3 of 17"

        step(search, 8)
        within = search.snapshot()
        assert (within.generation, within.finished, within.expected) == (1, 2, 4)
        assert (within.total, within.total_expected, within.failed) == (8, 26, 0)
        assert [one.id for one in within.population] == list(range(6))
        assert within.best_accuracy == max(one.val_accuracy for one in within.archive)
        assert within.elapsed_seconds > 0
        assert within.children_per_minute > 0
        assert within.remaining_seconds > 0
        run = open_run(search.path)
        assert [one.id for one in within.archive] == run.front()["id"].tolist()

        finish(search)
        after = search.snapshot()
        assert (after.state, after.generation, after.total, after.total_expected) == ("finished", 5, 26, 26)
        assert (after.finished, after.expected, after.in_progress) == (0, 0, ())
        assert after.remaining_seconds == 0
        assert after.hypervolume == open_run(search.path).generations["hypervolume"].iloc[-1]
        assert after.elapsed_seconds == search.snapshot().elapsed_seconds

    def test_totals_follow_a_live_change(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        step(search, 7)
        search.update(children=10)
        assert search.snapshot().total_expected == 6 + 4 + 4 * 10
        search.close()

    def test_a_generation_is_never_seen_half_ended(self, tmp_path):
        search = make(tmp_path / "run.sqlite")
        search.start()
        seen = []
        while not search.join(0):
            seen.append(search.snapshot())
        assert all(one.total_expected == 26 for one in seen)
        assert all(0 <= one.finished <= one.expected for one in seen if one.expected)
        totals = [one.total for one in seen]
        assert totals == sorted(totals)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 s"), (59.6, "1:00 min"), (185, "3:05 min"), (3723, "1:02:03 h"), (100_000, "27:46:40 h")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_progress_names_failures(tmp_path):
    search = make(tmp_path / "run.sqlite", space=NumberSpace(failing=lambda seed: "bad" if seed % 2 else None))
    step(search, 6)
    search.update(train=TrainConfig(epochs=3))
    line = progress_line(search.snapshot())
    assert f"{search.snapshot().failed} failed" in line
    assert "time left" in line
    wait_idle(search, 6)
    search.close()
    assert "took" in progress_line(search.snapshot())
