"""Runs without a search: individuals that are said, written to a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from search.search_samples import SMALL

from workbench.individuals import Cost, Individual, TrainResult
from workbench.settings import to_values
from workbench.store import GenerationRecord, Run, RunDescription, create_run, open_run


def member(
    id: int, parent: int | None, generation: int, kind: str | None, accuracy: float, flops: int, **changes: Any
) -> Individual:
    """One that was trained; its accuracy before training is half of `accuracy` unless `before` is given."""
    before = changes.pop("before", accuracy / 2)
    record: Mapping[str, Any] = {} if kind is None else {"kind": kind}
    result = TrainResult(None, accuracy, before, ({"epoch": 1, "val_accuracy": accuracy},) * 2)
    origin = "initial" if parent is None else "mutation"
    made = Individual(id, parent, generation, origin, record, 0, "ok", None, Cost(flops, flops, flops), result, 1.0)
    return replace(made, **changes)


def record(
    generation: int, population: Sequence[int], front: Sequence[int], evaluated: int, volume: float = 0.5, **more: Any
) -> GenerationRecord:
    values = {"n_failed": 0, "epochs": 10 * evaluated, "wall_seconds": 60.0, "best_accuracy": 0.9, **more}
    return GenerationRecord(generation, tuple(population), tuple(front), volume, n_evaluated=evaluated, **values)


def write_run(
    path: Path,
    individuals: Sequence[Individual],
    records: Sequence[GenerationRecord],
    events: Sequence[tuple[str, int, int, dict[str, Any]]] = (),
    fingerprint: str = "abc",
    **config: Any,
) -> Run:
    """A run of numbers (`search.search_samples.NumberSpace`), with rates 0.75 and 0.25 for grow and shrink."""
    settings = to_values(replace(SMALL, rates={"grow": 0.75, "shrink": 0.25}, **config))
    dataset = {"name": "custom", "fingerprint": fingerprint, "root": None}
    writer = create_run(path, RunDescription("numbers", {"scale": 1}, settings, dataset, settings["seed"]))
    for event in events:
        writer.add_event(*event)
    for number, generation in enumerate(records):
        for one in individuals:
            if one.generation == number:
                writer.add_individual(one, None, None)
        writer.finish_generation(generation)
    for one in individuals:
        if one.generation >= len(records):
            writer.add_individual(one, None, None)
    writer.close()
    return open_run(path)
