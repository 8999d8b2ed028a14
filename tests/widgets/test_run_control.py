"""Buttons drive the search, and the page says what it does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from search.search_samples import Gate, NumberSpace, finish, step, wait_idle, wait_until
from search.worker_samples import task_of
from widget_samples import number_search

from workbench.errors import RunError
from workbench.views.base.poller import POLLER
from workbench.widgets import LogView, RunControl


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
    POLLER.poll_once()
    total = search.snapshot().total
    assert f"{total} / {search.snapshot().total_expected}" in control.progress.value
    assert ">paused<" in control.state.value
    assert control.start.description == "Resume"
    control.stop.click()
    assert search.join(60)
    POLLER.poll_once()
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
