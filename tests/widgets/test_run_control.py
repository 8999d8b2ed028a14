"""Buttons drive the search, and the page says what it does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from search.search_samples import SMALL, Gate, NumberSpace, finish, step, wait_idle, wait_until
from search.worker_samples import task_of
from widget_samples import number_search

from workbench.errors import RunError
from workbench.search import Search
from workbench.store import open_run
from workbench.views.base.poller import POLLER
from workbench.views.run.data import changes
from workbench.widgets import Dashboard, LogView, RunControl


@pytest.fixture
def search(tmp_path):
    search = number_search(tmp_path / "run.sqlite", generations=200)
    yield search
    search.close()


@pytest.fixture
def control(search):
    control = RunControl(search)
    control.subscription.interval = 0
    yield control
    control.close()


def enabled(control: RunControl) -> set[str]:
    return {name for name in ("start", "step", "step_generation", "stop") if not getattr(control, name).disabled}


@pytest.fixture
def dashboard(search):
    dashboard = Dashboard(search)
    yield dashboard
    dashboard.close()


def test_a_session(search, control):
    assert enabled(control) == {"start", "step", "step_generation"}
    assert control.start.description == "Start"
    control.step.click()
    wait_idle(search, 1)
    control.step_generation.click()
    wait_until(lambda: search.snapshot().generation == 1)
    assert search.snapshot().state == "paused"
    control.start.click()
    assert enabled(control) == {"start", "stop"}
    assert control.start.description == "Pause"
    wait_until(lambda: search.snapshot().total > 10)
    control.start.click()
    wait_until(lambda: not search.snapshot().in_progress)
    control.show(search.snapshot())
    total = search.snapshot().total
    assert f"{total} / {search.snapshot().total_expected}" in control.progress.value
    assert ">paused<" in control.state.value
    assert control.start.description == "Resume"
    control.stop.click()
    assert search.join(60)
    control.show(search.snapshot())
    assert ">stopped<" in control.state.value
    assert enabled(control) == {"start", "step", "step_generation"}
    control.start.click()
    wait_until(lambda: search.snapshot().total > total)


def test_what_each_worker_trains(tmp_path):
    gate = Gate()
    search = number_search(tmp_path / "run.sqlite", NumberSpace(on_train=gate), workers=2)
    control = RunControl(search)
    search.start()
    gate.wait_for_somebody()
    gate.wait_for_somebody()
    control.show(search.snapshot())
    for shown in ("child 0", "child 1", "initial", "FLOPs", "epoch 0 / 2"):
        assert shown in control.working.value
    search.pause()
    control.show(search.snapshot())
    assert ">pausing<" in control.state.value
    gate.open()
    wait_until(lambda: not search.snapshot().in_progress)
    control.show(search.snapshot())
    assert "No child is in training" in control.working.value
    control.close()
    search.close()


def test_the_accuracy_so_far(tmp_path):
    """Reported after each epoch, in threads only."""
    from workbench.executors import make_child

    search = number_search(tmp_path / "run.sqlite")
    seen = []
    task = task_of(0)

    class Reporting(NumberSpace):
        def train(self, genome, data, config, *, seed, stream, on_epoch=None):
            on_epoch({"epoch": 1, "val_accuracy": 0.25})
            return super().train(genome, data, config, seed=seed, stream=stream)

    assert make_child(Reporting(), None, replace(task, report=seen.append)).ok
    assert [(one.epoch, one.epochs) for one in seen] == [(0, 2), (1, 2)]
    assert seen[-1].val_accuracy == 0.25
    search.close()


def test_failed_children_are_shown_as_text(tmp_path):
    search = number_search(tmp_path / "run.sqlite", NumberSpace(failing=lambda seed: "<b>no</b>" if seed % 2 else None))
    step(search, 6)
    log, control = LogView(search), RunControl(search)
    assert len(search.snapshot().failures) == search.snapshot().failed > 0
    assert "&lt;b&gt;no&lt;/b&gt;" in log.failures.value
    assert "<b>no" not in log.failures.value
    assert f"{search.snapshot().failed}</b>" in control.progress.value
    log.close()
    control.close()
    search.close()


def test_a_search_that_fails(tmp_path):
    search = number_search(tmp_path / "run.sqlite", NumberSpace(failing=lambda seed: "never"))
    search.start()
    wait_until(lambda: search.snapshot().state == "failed")
    with pytest.raises(RunError, match="every initial individual failed"):
        search.join()
    control = RunControl(search)
    assert ">failed<" in control.state.value
    assert "every initial individual failed" in control.message.value
    assert enabled(control) == set()
    control.close()


def test_a_stored_run_has_no_buttons(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    finish(search)
    control = RunControl(search.results)
    assert control.buttons.layout.display == "none"
    assert "read only" in control.words.value
    assert "26 / 26" in control.progress.value
    control.close()


def test_a_finished_run_goes_on(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    control = RunControl(search)
    search.run(progress=False)
    control.show(search.snapshot())
    assert "It can go on" in control.words.value
    assert not control.extend.disabled
    control.extend.click()
    assert search.config.generations == SMALL.generations + 20
    assert search.join(60)
    assert len(open_run(search.path).generations) == SMALL.generations + 21
    control.close()


def test_a_run_without_end(tmp_path):
    search = number_search(tmp_path / "run.sqlite", generations=None)
    step(search, 9)
    control = RunControl(search)
    assert control.extend.disabled
    assert 'generation</small> <b style="min-width:6ch">1</b>' in control.progress.value
    assert 'aria-label="individuals made of this generation"' in control.progress.value
    control.close()
    search.close()


def test_a_resumed_run_tells_its_past(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    step(search, 15)
    search.close()
    again = Search(search.data, search.config, search.path, search.space, if_exists="resume")
    control = RunControl(again)
    assert "Resumed at generation 3 of 5, 15 individuals" in control.words.value
    control.close()
    again.close()


def test_fork_from_here_opens_the_fork_in_place_and_back(search, dashboard):
    control = dashboard.run_control
    assert control.fork.disabled
    step(search, 12)
    POLLER.poll_once()
    dashboard.run_control.show(search.snapshot())
    control.fork.click()
    assert control.buttons.layout.display == "none"
    assert control.branch.layout.display is None
    assert (control.branch.generation.value, control.branch.generation.max) == (1, 1)
    control.branch.wait()
    assert "all weights that it needs are stored" in control.message.value
    control.branch.generation.value = 0
    control.branch.wait()
    assert "run-fork-0.sqlite" in control.branch.target.value
    control.branch.yes.click()
    control.branch.wait()
    fork = dashboard.source.search
    assert fork.path == search.path.with_name("run-fork-0.sqlite")
    assert (fork.snapshot().generation, fork.snapshot().total) == (1, 6)
    assert dashboard.run_control is not control
    assert control.comm is None
    assert "Resumed at generation 1 of 200" in dashboard.run_control.words.value
    assert changes(fork.results.config, fork.snapshot().events, fork.space)[-1].lines == ("forked",)
    step(fork, 2)
    dashboard.run_control.back.click()
    assert dashboard.source.search is search
    assert dashboard.run_control.back.layout.display == "none"
    fork.close()


def test_a_new_run_takes_the_settings_as_they_are_now(search, dashboard):
    step(search, 3)
    search.update(tournament=5, rates={"grow": 0.9})
    control = dashboard.run_control
    control.new.click()
    assert "Into a new file beside run.sqlite" in control.message.value
    control.branch.no.click()
    assert control.buttons.layout.display is None
    assert dashboard.source.search is search
    control.new.click()
    control.branch.yes.click()
    control.branch.wait()
    new = dashboard.source.search
    assert new.path == search.path.with_name("run-2.sqlite")
    assert (new.config.tournament, new.rates.grow, new.config.workers) == (5, 0.9, search.config.workers)
    assert new.config.seed != search.config.seed
    assert new.snapshot().total == 0
    new.close()


def test_the_last_generation_of_a_finished_run_is_forked_with_further_ones(tmp_path):
    search = number_search(tmp_path / "run.sqlite")
    search.run(progress=False)
    opened = []
    control = RunControl(search, opened=opened.append)
    control.fork.click()
    control.branch.wait()
    control.branch.yes.click()
    control.branch.wait()
    (fork,) = opened
    assert (fork.snapshot().generation, fork.config.generations) == (6, 25)
    control.close()
    fork.close()


def test_a_refusal_stays_until_the_state_is_another(search, control, monkeypatch):
    step(search, 1)
    control.show(search.snapshot())
    monkeypatch.setattr(search, "extend", lambda generations: refuse())
    control.extend.click()
    assert "not now" in control.message.value
    step(search, 1)
    control.show(search.snapshot())
    assert "not now" in control.message.value
    control.start.click()
    assert "not now" not in control.message.value


def refuse() -> None:
    raise RunError("not now")


def test_the_strip_says_what_children_wait_for(search, control):
    now = search.snapshot()
    assert "No child is in training" in control.working.value
    control.show(replace(now, state="running"))
    assert "Getting ready" in control.working.value
    control.show(replace(now, state="running", in_progress=(0,), compiling="compiling kernels, 3 of 17"))
    assert "Compiling kernels, 3 of 17 …" in control.working.value
