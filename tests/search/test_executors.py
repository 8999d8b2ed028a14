"""The work for one child."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from search_samples import NumberSpace, tiny_data

from workbench.executors import REDRAWS, Task, make_child, one_thread_each
from workbench.space import SearchSpace
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace
from workbench.training import TrainConfig

DATA = tiny_data()
TASK = Task(
    id=7,
    generation=2,
    parent=3,
    parent_genome=(100, 0.5),
    seed=2**62 + 1,
    rates=NumberSpace().rates(),
    train=TrainConfig(epochs=2, batch_size=16, dropout=0.2, shift=1),
    stream=(0, 2),
    flops_bounds=(0, math.inf),
)
SPACES: list[SearchSpace] = [
    NeuronSpace.for_data(DATA, InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.5), edges_per_neuron=(2, 4))),
    MlpSpace.for_data(DATA),
    NumberSpace(),
]


def task_of(space: SearchSpace, **changes) -> Task:
    parent = space.sample(0, np.random.default_rng(0))
    return replace(TASK, parent_genome=parent, rates=space.rates(), **changes)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("parent", [None, 3])
def test_a_child_depends_on_its_task_only(space, parent):
    import torch

    task = task_of(space, parent=parent)
    first = make_child(space, DATA, task)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - shows that nothing draws from the global generators
    make_child(space, DATA, replace(task, seed=5))
    second = make_child(space, DATA, task)
    assert first.ok, first.failure
    assert space.encode(first.genome) == space.encode(second.genome)
    for name in ("id", "parent", "generation", "origin", "mutation", "seed", "status", "failure", "cost"):
        assert getattr(first, name) == getattr(second, name)
    assert (first.id, first.generation, first.parent, first.seed) == (7, 2, parent, task.seed)
    assert first.origin == ("initial" if parent is None else "mutation")
    assert ("kind" in first.mutation) == (parent is not None)
    assert first.result.val_accuracy == second.result.val_accuracy
    assert first.result.initial_val_accuracy == second.result.initial_val_accuracy
    assert first.cost == space.cost(first.genome)
    assert first.wall_seconds >= 0


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_another_seed_gives_another_child(space):
    first, second = (make_child(space, DATA, task_of(space, seed=seed)) for seed in (1, 2))
    assert space.encode(first.genome) != space.encode(second.genome)


@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        (ValueError("no such luck"), "ValueError: no such luck"),
        (MemoryError(), "MemoryError"),
        ("training diverged: mean loss nan in epoch 1", "training diverged: mean loss nan in epoch 1"),
        ("", "training gave a validation accuracy of nan"),  # a space that gives no reason
    ],
)
def test_what_goes_wrong_in_training_is_recorded(failing, reason):
    child = make_child(NumberSpace(failing=lambda seed: failing), DATA, TASK)
    assert not child.ok
    assert child.status == "failed"
    assert reason in child.failure
    assert math.isnan(child.val_accuracy)
    assert child.cost.flops > 0
    assert child.mutation["kind"] in ("grow", "shrink")


def test_what_goes_wrong_before_there_is_a_genome_is_recorded(monkeypatch):
    def no_mutation(self, genome, rates, rng):
        raise RuntimeError("nothing left")

    monkeypatch.setattr(NumberSpace, "mutate", no_mutation)
    child = make_child(NumberSpace(), DATA, TASK)
    assert child.failure == "RuntimeError: nothing left"
    assert child.cost is None
    assert child.result is None
    assert child.mutation == {}
    assert child.flops == 0


@pytest.mark.parametrize("bounds", [(0, 199), (201, math.inf), (180, 190)])
@pytest.mark.parametrize("parent", [None, 3])
def test_redraws_keep_to_the_bounds(bounds, parent):
    rates = NumberSpace().rates({"size": (0.01, 0.2)})
    low, high = bounds
    made = [
        make_child(NumberSpace(), DATA, replace(TASK, seed=seed, parent=parent, rates=rates, flops_bounds=bounds))
        for seed in range(40)
    ]
    assert all(low <= child.flops <= high for child in made if child.ok)
    assert any(child.ok for child in made)
    if parent is not None:
        redraws = [child.mutation["redraws"] for child in made if child.ok]
        assert 0 in redraws
        assert max(redraws) >= 1


def test_bounds_that_no_child_meets():
    child = make_child(NumberSpace(), DATA, replace(TASK, flops_bounds=(10_000, 20_000)))
    assert not child.ok
    assert f"no child within 10,000 to 20,000 FLOPs in {REDRAWS} draws" in child.failure


def test_torch_gets_its_threads_back():
    import torch

    before = torch.get_num_threads()
    with contextlib.suppress(RuntimeError), one_thread_each():
        assert torch.get_num_threads() == 1
        raise RuntimeError
    assert torch.get_num_threads() == before


def test_torch_is_not_imported_for_its_threads():
    """It takes seconds, which the first child of a search on the native backend need not wait for."""
    script = (
        "import os, sys; from workbench.executors import one_thread_each\n"
        "with one_thread_each():\n"
        "    assert 'torch' not in sys.modules\n"
        "    import torch; assert torch.get_num_threads() == 1\n"
        "assert torch.get_num_threads() == os.cpu_count() and 'OMP_NUM_THREADS' not in os.environ"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


def test_a_thread_that_still_imports_torch_is_waited_for(tmp_path):
    """As that of a child that was given up while it did."""
    slow = "import time\ntime.sleep(0.5)\nset_threads = []\nset_num_threads = set_threads.append\n"
    (tmp_path / "torch.py").write_text(slow + "def get_num_threads(): return 7")
    script = (
        "import importlib, sys, threading, time; from workbench.executors import one_thread_each\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "threading.Thread(target=importlib.import_module, args=['torch']).start()\n"
        "while 'torch' not in sys.modules: time.sleep(0.001)\n"
        "with one_thread_each(): pass\n"
        "assert sys.modules['torch'].set_threads == [1, 7]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_searches_at_the_same_time_keep_torch_to_one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        first, second = one_thread_each(), one_thread_each()
        for search in (first, second):
            search.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_num_threads() == 1  # the second still trains, and must give the same bits
        second.__exit__(None, None, None)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
