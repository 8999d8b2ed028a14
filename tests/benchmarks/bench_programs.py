"""Programs: examples a second of the hand-written ones against the same in NumPy, and programs a second of a search."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from subjects import in_turns

from workbench.datasets import load_dataset
from workbench.search import Search, preset
from workbench.spaces.programs.liveness import live
from workbench.spaces.programs.machine import Machine
from workbench.spaces.programs.operations import OPERATION_SETS
from workbench.spaces.programs.program import LEARN, PREDICT, Form, Program
from workbench.spaces.programs.sampling import Limits
from workbench.spaces.programs.starts import RATE, STD, starting_program

EXAMPLES, NUMPY_EXAMPLES = 10_000, 1_000
"""In one call; NumPy's rate does not depend on how many there are."""

SIZES = (16, 49, 64)
"""Features: projected CIFAR-10, MNIST averaged to 7×7, the digits."""

Call = Callable[[], object]


def _softmax(outputs: np.ndarray) -> np.ndarray:
    powers = np.exp(outputs - outputs.max())
    return powers / powers.sum()


def numpy_linear(features: np.ndarray, labels: np.ndarray, n_outputs: int) -> Call:
    """An epoch of stochastic gradient descent of a linear model, one example at a time."""
    wanted, weights = np.eye(n_outputs), np.zeros((n_outputs, features.shape[1]))

    def epoch() -> None:
        for x, y in zip(features, labels, strict=True):
            step = RATE * (wanted[y] - _softmax(weights @ x))
            np.add(weights, np.outer(step, x), out=weights)

    return epoch


def numpy_network(features: np.ndarray, labels: np.ndarray, n_outputs: int) -> Call:
    """The same of a network with as many hidden neurons as features."""
    size = features.shape[1]
    rng, wanted = np.random.default_rng(0), np.eye(n_outputs)
    first, last = rng.normal(0, STD, (size, size)), np.zeros((n_outputs, size))
    first_bias, last_bias = np.zeros(size), np.zeros(n_outputs)

    def epoch() -> None:
        for x, y in zip(features, labels, strict=True):
            hidden = np.maximum(first @ x + first_bias, 0)
            step = RATE * (wanted[y] - _softmax(last @ hidden + last_bias))
            back = (last.T @ step) * (hidden > 0)
            np.add(last, np.outer(step, hidden), out=last)
            np.add(first, np.outer(back, x), out=first)
            np.add(last_bias, step, out=last_bias)
            np.add(first_bias, back, out=first_bias)

    return epoch


IN_NUMPY = {"linear": numpy_linear, "network": numpy_network}


def compiled(program: Program, form: Form, features: np.ndarray, labels: np.ndarray) -> Call:
    """An epoch of a program."""
    machine, order = Machine(program, form), np.arange(len(labels))
    return lambda: machine.learn(features, labels, order)


def rows() -> list[dict[str, Any]]:
    """The table of examples a second."""
    table = []
    rng = np.random.default_rng(0)
    for name in IN_NUMPY:
        for size in SIZES:
            form = Form(size, 10, 6, 10, 4)
            program = starting_program(name, form, Limits(10, 14, 24), OPERATION_SETS["all"], rng)
            features, labels = rng.normal(size=(EXAMPLES, size)), rng.integers(10, size=EXAMPLES)
            few = features[:NUMPY_EXAMPLES], labels[:NUMPY_EXAMPLES]
            took = in_turns(
                {"program": compiled(program, form, features, labels), "NumPy": IN_NUMPY[name](*few, form.n_outputs)},
                clock=time.thread_time,
            )
            ours, theirs = EXAMPLES / took["program"], NUMPY_EXAMPLES / took["NumPy"]
            lives = live(program, form)
            executed = sum(int(lives[program.sections[section]].sum()) for section in (PREDICT, LEARN))
            table.append(
                {
                    "program": name,
                    "F": size,
                    "examples/s": f"{ours:,.0f}",
                    "ns/instruction": f"{1e9 / ours / executed:.1f}",
                    "NumPy, examples/s": f"{theirs:,.0f}",
                    "× NumPy": f"{ours / theirs:.0f}",
                }
            )
    return table


def programs_per_second(generations: int = 10) -> list[dict[str, Any]]:
    """Programs a second of a whole search of the digits with the preset `quick`, on one and two threads."""
    data, chosen = load_dataset("digits"), preset("quick", "digits", "programs")
    table = []
    for workers in (1, 2, 1, 2):
        with tempfile.TemporaryDirectory() as folder:
            changed = chosen.changed({"generations": generations, "workers": workers})
            search = Search(data, changed, Path(folder) / "run.sqlite")
            started, busy = time.perf_counter(), time.process_time()
            search.run(progress=False)
            wall, processor = time.perf_counter() - started, time.process_time() - busy
            count = len(search.results.individuals)
        rates = {"programs/s": f"{count / wall:.0f}", "a processor second": f"{count / processor:.0f}"}
        table.append({"threads": workers, "programs": count, **rates})
    return table[2:]
