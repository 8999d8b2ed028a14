"""Real networks give the same bits wherever they are trained; and a program may end while its search runs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from search.search_samples import SMALL, memory_of, tiny_data
from search.worker_samples import task_of

from workbench.executors import Progress, Shared, TaskPool, start_workers
from workbench.search import Search
from workbench.space import SearchSpace
from workbench.spaces import InitialConfig, MlpSpace, NeuronSpace, PairsSpace, ProgramSpace

pytestmark = pytest.mark.slow

DATA = tiny_data()
SHORT = replace(SMALL, generations=2, workers=2)
SPACES: list[SearchSpace] = [
    NeuronSpace.for_data(DATA, InitialConfig(hidden_layers=(1, 2), layer_size=(0.2, 0.5), edges_per_neuron=(2, 4))),
    MlpSpace.for_data(DATA),  # through torch
    ProgramSpace.for_data(DATA, start="network"),
    PairsSpace.for_data(DATA, start="random"),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_threads_and_processes_give_the_same_bits(tmp_path, space):
    for executor in ("threads", "processes"):
        search = Search(DATA, SHORT, tmp_path / executor, space, executor)
        search.run(progress=False).close()
    assert memory_of(tmp_path / "threads") == memory_of(tmp_path / "processes")


def test_processes_report_progress():
    reported: list[Progress] = []
    tasks = TaskPool(start_workers("processes", Shared(SPACES[0], DATA), 2, reported.append))
    children = [task_of(child, rates=SPACES[0].rates()) for child in range(3)]
    done: list[object] = []
    while len(done) < 3:
        while children and tasks.room:
            tasks.start(children.pop())
        done += tasks.wait()
    tasks.close()
    assert {progress.child for progress in reported} == {0, 1, 2}
    assert {progress.epoch for progress in reported} == {0, 1, 2}


LEAVING = """
import sys
sys.path[:0] = sys.argv[1:3]
from search.search_samples import SMALL, Gate, NumberSpace, tiny_data
from search.worker_samples import Fault, FaultySpace, seeds_of
from workbench.search import Search

if __name__ == "__main__":
    space = FaultySpace(on_train=Fault({seed: "hang" for seed in seeds_of(SMALL, 3)}))
    search = Search(tiny_data(), SMALL, sys.argv[3], space, sys.argv[4])
    search.start()
    while search.snapshot().total < 3:
        pass
    print("leaving")
"""


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_program_may_end_while_a_child_hangs(tmp_path, executor):
    script, tests = tmp_path / "leaving.py", Path(__file__).parents[1]
    script.write_text(LEAVING)
    command = [sys.executable, str(script), str(tests), str(tests / "search"), str(tmp_path / "run.sqlite"), executor]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (result.returncode, result.stdout) == (0, "leaving\n"), result.stderr


UNGUARDED = (
    LEAVING.replace('if __name__ == "__main__":', "if True:")
    .replace("sys.argv[4])", 'sys.argv[4], "new")')
    .replace('print("leaving")', "search.join()")
)


def test_a_script_that_forgets_its_guard(tmp_path):
    script, tests = tmp_path / "unguarded.py", Path(__file__).parents[1]
    script.write_text(UNGUARDED.replace("while search.snapshot().total < 3:\n        pass", ""))
    command = [
        sys.executable,
        str(script),
        str(tests),
        str(tests / "search"),
        str(tmp_path / "run.sqlite"),
        "processes",
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1
    assert 'must do so under `if __name__ == "__main__":`' in result.stderr.splitlines()[-1]
    assert result.stderr.count("ConfigError: a worker process began a search") <= SMALL.attempts  # each says it once
    assert [path.name for path in tmp_path.glob("*.sqlite")] == ["run.sqlite"]


def test_a_script_from_standard_input(tmp_path):
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-", str(tests), str(tests / "search"), str(tmp_path / "run.sqlite"), "processes"]
    result = subprocess.run(command, input=LEAVING, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1
    assert "got one from <stdin>; save it in a file" in result.stderr
    assert list(tmp_path.iterdir()) == []
