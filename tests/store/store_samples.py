"""Individuals, descriptions and a search space to fill runs with."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from workbench.individuals import Cost, Individual, TrainResult
from workbench.store import GenerationRecord, RunDescription

DESCRIPTION = RunDescription(
    space_name="stub",
    space_config={"scale": 0.1, "shape": [1, 8, 8]},
    search_config={"population": 4, "rates": {"add_edges": 1 / 3}},
    dataset={"name": "digits", "fingerprint": "abc", "root": None},
    seed=2**127 + 1,
    versions={"python": "3.11", "numpy": "2.0"},
    cpu="a processor",
    origin={"path": "other.sqlite", "generation": 3},
)


class StubSpace:
    """Genomes are tuples of bytes."""

    def decode(self, blob: bytes) -> tuple[int, ...]:
        return tuple(blob)


def individual(id: int, accuracy: float = 0.5, flops: int = 1000, **changes: Any) -> Individual:
    """A trained individual; even ids are initial ones of generation 0."""
    child = id % 2 == 1
    made = Individual(
        id=id,
        parent=id - 1 if child else None,
        generation=1 if child else 0,
        origin="mutation" if child else "initial",
        mutation={"kind": "add_edges", "sizes": [1, 2], "share": 0.1 + 0.2} if child else {},
        seed=2**63 + id,
        status="ok",
        failure=None,
        cost=Cost(flops, flops + 7, 5),
        result=TrainResult(None, accuracy, accuracy / 3, ({"epoch": 1, "loss": 1 / 3}, {"epoch": 2, "loss": 1e-300})),
        wall_seconds=0.1 * id,
    )
    return replace(made, **changes)


def failed(id: int, **changes: Any) -> Individual:
    """An individual that failed before there was a genome."""
    return individual(
        id,
        **{
            "status": "failed",
            "failure": "nothing left",
            "cost": None,
            "result": None,
            "wall_seconds": math.nan,
            **changes,
        },
    )


def generation(number: int, population: tuple[int, ...], front: tuple[int, ...] = ()) -> GenerationRecord:
    return GenerationRecord(number, population, front, 0.1 + 0.2, 2 / 3, 4, 1, 20, 1.5)
