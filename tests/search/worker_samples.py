"""What can go wrong in a worker, in forms that travel to other processes; and data that count how they travel."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.search_samples import NumberSpace

from workbench.evolution import Evolution
from workbench.executors import Task
from workbench.search import SearchConfig
from workbench.training import TrainConfig

FOREVER = 3600.0


def seeds_of(config: SearchConfig, *children: int) -> list[int]:
    """The seeds by which a worker knows these children."""
    evolution = Evolution(config.population, config.seed, config.selection, config.survival)
    return [evolution.ask(child, 1).seed for child in children]


@dataclass(frozen=True)
class Fault:
    """Called in the worker before each training: does to some children what is written for their seed.

    Attributes:
        kinds: "raise", "hang", "exit" or "kill", by seed.
        marks: a folder, if each fault is to happen only once.
    """

    kinds: Mapping[int, str]
    marks: str | None = None

    def __call__(self, seed: int) -> None:
        kind = self.kinds.get(seed)
        if kind is None or (self.marks is not None and self._happened(seed)):
            return
        if kind == "raise":
            raise ValueError("no such luck")
        if kind == "hang":
            time.sleep(FOREVER)
        if kind == "exit":
            os._exit(3)
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    def _happened(self, seed: int) -> bool:
        mark = Path(str(self.marks), str(seed))
        if mark.exists():
            return True
        mark.touch()
        return False


@dataclass(frozen=True)
class NoNumber:
    """Says by the child's seed whether its training gives NaN."""

    seeds: frozenset[int] = frozenset()

    def __call__(self, seed: int) -> str | None:
        return "" if seed in self.seeds else None


@dataclass
class FaultySpace(NumberSpace):
    """Numbers whose training goes wrong in a worker."""

    failing: Any = field(default_factory=NoNumber)
    on_train: Any = field(default_factory=lambda: Fault({}))


class CountedData:
    """Stands for a data set; notes down each time that it is packed and unpacked, and where."""

    name, fingerprint = "counted", "0" * 64

    def __init__(self, notes: Path) -> None:
        self.notes = notes

    def __getstate__(self) -> dict[str, Any]:
        self.note("packed")
        return {"notes": self.notes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.notes = state["notes"]
        self.note("unpacked")

    def note(self, what: str) -> None:
        with self.notes.open("a") as file:  # short lines are appended whole
            file.write(f"{what} {os.getpid()}\n")

    def noted(self, what: str) -> list[int]:
        """The processes in which it happened, each time."""
        lines = [line.split() for line in self.notes.read_text().splitlines()] if self.notes.exists() else []
        return [int(pid) for kind, pid in lines if kind == what]


def task_of(child: int, **changes: Any) -> Task:
    """A task to sample a number."""
    values: dict[str, Any] = {
        "id": child,
        "generation": 0,
        "parent": None,
        "parent_genome": None,
        "seed": child,
        "rates": None,
        "train": TrainConfig(epochs=2),
        "stream": (0, 0),
        "flops_bounds": (0, math.inf),
    }
    return Task(**{**values, **changes})
