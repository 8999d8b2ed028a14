"""Replay: a stored run made again from its seed, settings and events, and compared bit for bit."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset
from workbench.executors import measure_inserted
from workbench.individuals import Individual, TrainResult
from workbench.search.config import SearchConfig
from workbench.search.search import Search
from workbench.search.stored import RunHistory, data_of, length_of, provenance, warn_of_difference
from workbench.settings import from_values
from workbench.space import DropsWeights, SearchSpace
from workbench.spaces import make_space
from workbench.store import Run, create_run, open_run

CLOCKS = ("seconds", "processor_seconds", "wall_seconds", "images_per_second")
"""Measured times, which are never compared."""


@dataclass(frozen=True)
class Replay:
    """A run made again, and what was compared with the stored one up to the first difference."""

    path: Path | None  # of the copy; None if it was not kept
    individuals: int  # failed ones included
    genomes: int  # bit by bit
    generations: int
    events: int
    difference: str | None  # the first one in words

    @property
    def is_same(self) -> bool:
        """Whether every individual, metric, genome, generation and event is the same."""
        return self.difference is None


def replay(
    path: str | os.PathLike[str],
    to: str | os.PathLike[str] | None = None,
    data: Dataset | None = None,
    *,
    space: SearchSpace | None = None,
    root: str | os.PathLike[str] | None = None,
    executor: Executor | str | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> Replay:
    """Make a run again from its stored seed, settings and events, and compare the two.

    Live changes, forks and children that were given up come when they came; individuals inserted by hand are taken from
    the file and measured again. A generation that the run left unfinished is finished here; only what the run holds is
    compared.

    The copy is kept in the file `to`, if given; `data` and `space` are only needed if they cannot be made by name.
    Warns if the run began on another processor or with other versions, so that last bits may differ.

    Raises:
        RunError: if the run cannot be read, its data are missing or others, or the copy exists or cannot be written.
    """
    run = open_run(path)
    data = data_of(run, data, root)
    warn_of_difference(run)
    space = space or make_space(run.space_name, run.space_config)
    with contextlib.ExitStack() as stack:
        if to is None:
            to = f"{stack.enter_context(tempfile.TemporaryDirectory(prefix='workbench-replay-'))}/copy.sqlite"
            kept = None
        else:
            to = kept = Path(os.path.expanduser(to))
        history = RunHistory(run, space)
        create_run(to, replace(run.description, **provenance())).close()
        config = replace(from_values(SearchConfig, run.config), workers=workers, child_seconds=None)
        search = Search(data, config, to, space, executor, "resume")
        last = max((one.generation for one in history.individuals.values()), default=0)
        if (length := length_of(run)) is not None:
            last = min(last, length)

        def remake(id: int) -> Individual:
            stored = history.individuals[id]
            learning = stored.result.history if stored.result else ()
            return measure_inserted(
                space, data, history.genome(id), parent=stored.parent, record=stored.mutation, history=learning
            )

        search.replay_events(history.events, remake, last)
        search.run(progress=progress)
        search.close()
        return _compare(run, open_run(to), space, kept)


def _compare(stored: Run, again: Run, space: SearchSpace, path: Path | None) -> Replay:
    """Compare all that `stored` holds with `again`, which may hold more."""
    counts = {"individuals": 0, "genomes": 0, "generations": 0, "events": 0}
    for part, difference in _parts(stored, again, space):
        if difference is not None:
            return Replay(path, **counts, difference=difference)
        counts[part] += 1
    return Replay(path, **counts, difference=None)


def _parts(stored: Run, again: Run, space: SearchSpace) -> Iterator[tuple[str, str | None]]:
    """What is compared, thing by thing: its kind, and how it differs or None."""
    one, other = stored.load(), again.load()
    made = {individual.id: individual for individual in other.individuals}
    ordered = sorted(one.individuals, key=lambda individual: (individual.generation, individual.id))
    for individual in ordered:  # by generation, so that the first difference is a cause and no consequence
        name = f"individual {individual.id}"
        twin = made.get(individual.id)
        if twin is None:
            yield "individuals", f"{name} is in {stored.path}, and not in the replay"
            continue
        yield "individuals", _difference(name, _individual(individual), _individual(twin))
        if individual.result is not None:
            yield "genomes", _genomes(name, stored, again, individual.id, space)
    for record, its in zip(one.generations, other.generations, strict=False):
        yield "generations", _difference(f"generation {record.generation}", _fields(record), _fields(its))
    for number, (event, repeated) in enumerate(zip_longest(one.events, other.events[: len(one.events)]), 1):
        if repeated is None:
            yield "events", f"event {number} ({event.kind}) is missing in the replay"
            continue
        values = [_fields(each, "sequence", "time") for each in (event, repeated)]
        yield "events", _difference(f"event {number}", *values)


def _difference(name: str, stored: Mapping[str, Any], again: Mapping[str, Any]) -> str | None:
    """How two records differ first, in words; None if they do not."""
    for place, here, there in _differences("", stored, again):
        return f"{name}: its {place} was {_text(here):.200}, and is {_text(there):.200} in the replay"
    return None


def _differences(place: str, here: Any, there: Any) -> Iterator[tuple[str, Any, Any]]:
    """Place and both values wherever two values of JSON differ; NaN equals NaN."""
    if isinstance(here, Mapping) and isinstance(there, Mapping) and here.keys() == there.keys():
        for key in here:
            yield from _differences(f"{place}.{key}" if place else key, here[key], there[key])
    elif isinstance(here, list | tuple) and isinstance(there, list | tuple) and len(here) == len(there):
        for number, (one, other) in enumerate(zip(here, there, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other)
    elif _text(here) != _text(there):
        yield place, here, there


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _individual(individual: Individual) -> dict[str, Any]:
    result = individual.result or TrainResult(None, float("nan"), float("nan"), ())
    history = [{name: value for name, value in row.items() if name not in CLOCKS} for row in result.history]
    facts = {**_fields(result, "genome", "history"), **_fields(individual, "id", "result", "cost")}
    return {**facts, "cost": None if individual.cost is None else vars(individual.cost), "history": history}


def _fields(record: Any, *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in (*CLOCKS, *left_out)}


def _genomes(name: str, stored: Run, again: Run, id: int, space: SearchSpace) -> str | None:
    here, there = stored.genome_bytes(id), again.genome_bytes(id)
    if here == there:
        return None
    if here is not None and there is not None and isinstance(space, DropsWeights):
        bare = [space.encode(space.without_weights(space.decode(blob))) for blob in (here, there)]
        if bare[0] != bare[1]:
            return f"{name}: its topology is another in the replay"
        if here in bare or there in bare:  # one of them keeps no weights
            return None
    return f"{name}: its weights are others in the replay"
