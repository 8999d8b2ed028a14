"""A search space without networks, tiny data, and ways to look at a run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets import Dataset
from workbench.errors import ConfigError, GenomeError
from workbench.individuals import Cost, TrainResult
from workbench.search import Search, SearchConfig
from workbench.settings import check_settings, from_values, setting, settings_of
from workbench.spaces import register
from workbench.store import open_run
from workbench.training import TrainConfig

PATIENCE = 60.0
"""Seconds after which a test gives up waiting; nothing depends on how much of it is needed."""


def tiny_data(seed: int = 0, name: str = "custom") -> Dataset:
    """Two classes of 6 x 6 images: bright above, or bright below."""
    rng = np.random.default_rng(seed)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(n) % 2
        images = rng.integers(0, 150, (n, 6, 6))
        images[labels == 0, :3] += 60
        images[labels == 1, 3:] += 60
        return images, labels

    return Dataset.from_arrays(*draw(60), *draw(20), validation=14, selection=14, name=name)


@dataclass(frozen=True)
class NumberRates:
    """How numbers mutate."""

    grow: float = setting(0.5, "grow", low=0, high=1)
    shrink: float = setting(0.5, "shrink", low=0, high=1)
    size: tuple[float, float] = setting((0.1, 0.3), "by how much", slider=(0, 1))

    def __post_init__(self) -> None:
        check_settings(self)
        if self.grow + self.shrink <= 0:
            raise ConfigError(f"grow and shrink expect 0 to 1, got {self.grow} and {self.shrink}")


@register
@dataclass
class NumberSpace:
    """Genomes are (size, skill): training adds to the skill, the size is the cost.

    Attributes:
        failing: says by the child's seed what goes wrong: an exception to raise, a reason to return, or None.
        on_train: called in the worker before each training.
    """

    failing: Callable[[int], Exception | str | None] = lambda seed: None
    on_train: Callable[[int], None] = lambda seed: None
    trained: list[int] = field(default_factory=list)

    name = "numbers"
    mutation_kinds = ("grow", "shrink")
    settings = settings_of(NumberRates)

    def config(self) -> dict[str, Any]:
        return {"scale": 1}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NumberSpace:
        return cls()

    def rates(self, values: Mapping[str, Any] | None = None) -> NumberRates:
        return from_values(NumberRates, values or {})

    def sample(self, index: int, rng: np.random.Generator) -> tuple[int, float]:
        return int(rng.integers(10, 1000)), float(rng.random() / 2)

    def mutate(self, genome: Any, rates: NumberRates, rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
        size, skill = genome
        grows = rng.random() < rates.grow / (rates.grow + rates.shrink)
        change = rng.uniform(*rates.size)
        size = max(1, round(size * (1 + change if grows else 1 - change)))
        return (size, skill), {"kind": "grow" if grows else "shrink", "change": change}

    def train(
        self, genome: Any, data: Any, config: TrainConfig, *, seed: int, stream: tuple[int, ...], on_epoch: Any = None
    ) -> TrainResult:
        self.on_train(seed)
        self.trained.append(seed)
        failure = self.failing(seed)
        if isinstance(failure, Exception):
            raise failure
        size, skill = genome
        rng = np.random.default_rng([seed, *stream])
        better = min(1.0, skill + config.epochs * 0.01 * float(rng.random()))
        history = tuple({"epoch": epoch + 1, "val_accuracy": better} for epoch in range(config.epochs))
        if failure is not None:
            return TrainResult(genome, float("nan"), skill, (), failure or None)
        return TrainResult((size, better), better, skill, history)

    def evaluate(self, genome: Any, data: Any, split: str) -> float:
        return genome[1]

    def cost(self, genome: Any) -> Cost:
        return Cost(2 * genome[0], 3 * genome[0], genome[0])

    def encode(self, genome: Any) -> bytes:
        return json.dumps(genome).encode()

    def decode(self, blob: bytes) -> Any:
        try:
            size, skill = json.loads(blob)
        except ValueError as error:
            raise GenomeError(f"no numbers: {error}") from None
        return size, skill

    def describe(self, genome: Any) -> dict[str, Any]:
        return {"summary": str(genome[0])}


class SheddingSpace(NumberSpace):
    """Numbers that can do without their skill: what training gave."""

    def without_weights(self, genome: tuple[int, float]) -> tuple[int, None]:
        return genome[0], None

    def has_weights(self, genome: tuple[int, float | None]) -> bool:
        return genome[1] is not None

    def evaluate(self, genome: Any, data: Any, split: str) -> float:
        if genome[1] is None:
            raise GenomeError("no skill; train it first")
        return genome[1]


SMALL = SearchConfig(population=6, children=4, generations=5, seed=3, workers=1, train=TrainConfig(epochs=2))


def wait_until(condition: Callable[[], bool]) -> None:
    """Until a condition holds; fails if it does not in a very long time."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.002)


def wait_idle(search: Search, total: int) -> None:
    """Until `total` individuals are stored and nothing is in training."""
    wait_until(lambda: search.snapshot().total >= total and not search.snapshot().in_progress)


def wait_at_rest(search: Search) -> None:
    """Until its thread waits to be told to go on: only then does its clock stand still, and nothing more can happen."""
    wait_until(lambda: search.snapshot().elapsed_seconds == search.snapshot().elapsed_seconds > 0)


def step(search: Search, children: int) -> None:
    """Make exactly so many children."""
    total = search.snapshot().total + children
    search.step(children)
    wait_idle(search, total)


def finish(search: Search) -> Search:
    """Run to the end and give the file free."""
    search.start()
    assert search.join(PATIENCE)
    assert search.snapshot().state == "finished"
    search.close()
    return search


def memory_of(path: Path) -> dict[str, Any]:
    """All of a run that must not depend on timing, workers or interruptions."""
    run = open_run(path)
    individuals = run.individuals.drop(columns=["wall_seconds", "finished_at"])
    generations = run.generations.drop(columns=["wall_seconds", "finished_at"])
    events = run.events.drop(columns=["time"])
    return {
        "individuals": individuals.to_json(orient="records"),
        "generations": generations.to_json(orient="records"),
        "events": events.to_json(orient="records"),
        "mutations": [run.mutation(id) for id in individuals["id"]],
        "genomes": [run.genome_bytes(id) for id in individuals["id"]],
    }


class Gate:
    """Holds workers in training until it is opened."""

    def __init__(self) -> None:
        self.entered, self._open = threading.Semaphore(0), threading.Event()

    def __call__(self, seed: int) -> None:
        self.entered.release()
        assert self._open.wait(PATIENCE)

    def wait_for_somebody(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE)

    def open(self) -> None:
        self._open.set()
