"""Where the time of a search goes: milliseconds a child of each part, with 1 and 2 workers, and over the kernels'."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench_scaling import SEARCHED, SEARCHES, search_of

from workbench.datasets import load_dataset
from workbench.evolution import Evolution
from workbench.executors import task_pool
from workbench.search import Search, preset
from workbench.search.runner import Runner
from workbench.search.state import SearchState
from workbench.spaces import NeuronSpace
from workbench.store import RunWriter
from workbench.training.native import trainer

train_module = import_module("workbench.training.train")  # the package has a function of that name
KERNELS, WORKER, WHOLE = "kernels: training", "rest of the worker", "all workers together"

PARTS: dict[str, list[tuple[Any, str]]] = {
    KERNELS: [(trainer, "train_epoch")],
    "kernels: validation": [(trainer, "infer")],
    "tiles: filling and waiting": [(trainer, "training_tiles"), (trainer, "split_tiles")],
    "sampling and mutation": [(NeuronSpace, "sample"), (NeuronSpace, "mutate")],
    "first weights": [(train_module, "initialise")],
    "compiling": [(trainer, "compile_genome")],
    "set-up of the trainer": [(trainer.NativeTrainer, "__init__")],
    "trained genome": [(trainer.NativeTrainer, "genome")],
    "accuracy": [(trainer.NativeTrainer, "accuracy")],
    WORKER: [(task_pool, "make_child")],
    "storing: encoding": [(NeuronSpace, "encode"), (NeuronSpace, "describe")],
    "storing: commit": [(RunWriter, "add_individual"), (RunWriter, "finish_generation")],
    "proposing": [(SearchState, "propose")],
    "ranking": [(Evolution, "tell")],
    "rest of the runner": [(Runner, "_propose"), (Runner, "_store"), (Runner, "_rank")],
}
"""What is measured, each without the parts called within it; the last five are the runner's thread."""


class Clock:
    """Wall seconds of each part, in all threads together."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._here = threading.local()

    def timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call` as a part."""

        @wraps(call)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            started, outer = time.perf_counter(), getattr(self._here, "inner", 0.0)
            self._here.inner = 0.0
            try:
                return call(*args, **kwargs)
            finally:
                took = time.perf_counter() - started
                self.seconds[part] += took - self._here.inner
                self._here.inner = outer + took

        return wrapper

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, all parts are measured."""
        patches = [
            patch.object(owner, name, self.timed(part, getattr(owner, name)))
            for part, places in PARTS.items()
            for owner, name in places
        ]
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()


def _parts(make: Callable[[Path, int], Search], workers: int) -> dict[str, float]:
    """Milliseconds a child of each part, of workers without a child, and of all workers together."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, clock.running():
        search = make(Path(folder) / "run.sqlite", workers)
        started = time.perf_counter()
        search.run(progress=False)
        whole = workers * (time.perf_counter() - started)
        children = search.snapshot().total
    names = list(PARTS)
    idle = whole - sum(clock.seconds[part] for part in names[: names.index(WORKER) + 1])
    seconds = {part: clock.seconds[part] for part in names} | {"workers without a child": idle, WHOLE: whole}
    return {part: 1e3 * took / children for part, took in seconds.items()}


def rows() -> list[dict[str, Any]]:
    """The table, of the fastest of several searches with one and with two workers each, which take turns."""
    quick, digits = preset("quick", "digits"), load_dataset("digits")
    subjects: dict[str, Callable[[Path, int], Search]] = {
        "digits, quick": lambda path, workers: Search(digits, quick.changed({"workers": workers}), path)
    }
    for name, epochs in SEARCHED.items():
        subjects[name] = partial(search_of, name, epochs)
    table = []
    for name, make in subjects.items():
        found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
        for _ in range(SEARCHES):
            for workers, parts in found.items():
                parts.append(_parts(make, workers))
        best = {workers: min(parts, key=lambda each: each[WHOLE]) for workers, parts in found.items()}
        for part in best[1]:
            row = {"network": name, "part": part}
            for workers, parts in best.items():
                row[f"{workers}: ms"] = f"{parts[part]:.2f}"
                row[f"{workers}: of the kernels"] = f"{parts[part] / parts[KERNELS]:.3f}"
            table.append(row)
    return table
