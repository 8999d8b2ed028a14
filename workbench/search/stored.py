"""A stored run: the head of its file, the checks before it is resumed, and making its individuals again."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workbench.datasets import Dataset, dataset_names, load_again, load_dataset
from workbench.errors import DataError, RunError
from workbench.evolution import Credits, EarlyStopping, front_of, most_accurate
from workbench.executors import Task, make_child, one_thread_each
from workbench.formats import counted
from workbench.individuals import Individual, is_by_hand
from workbench.objectives import LatencyModel, Objective
from workbench.search.config import FREE_SETTINGS, LENGTH_EVENT, MOST, SearchConfig, Settings, Timeline
from workbench.search.history import History
from workbench.settings import from_values, to_values
from workbench.space import NeedsMachine, SearchSpace, check_predicts, cost_of
from workbench.spaces import SPACES, make_space
from workbench.store import Memory, Run, RunDescription, RunWriter, create_run, open_run
from workbench.training import native


def describe_run(config: SearchConfig, space: SearchSpace, data: Dataset) -> RunDescription:
    """The head of the run file of a new search."""
    return RunDescription(
        space_name=space.name,
        space_config=space.config(),
        search_config=to_values(config),
        dataset={"name": data.name, "fingerprint": data.fingerprint, "root": None, **source_of(data)},
        seed=config.seed,
        **provenance(),
    )


def source_of(data: Dataset) -> dict[str, Any]:
    """Where data of a person's own were read from, as a run file notes it."""
    return {} if data.source is None else {"source": dict(data.source)}


def without_folder(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """What a run notes of its data, for others: without the folder in which they were."""
    source = dataset.get("source")
    return dict(dataset) if source is None else {**dataset, "source": {**source, "path": Path(source["path"]).name}}


def length_of(run: Run) -> int | None:
    """Generations a run is to have, as last set; None if it has no end."""
    events: Any = run.events
    lengths = [values["generations"] for values in events["values"][events["kind"] == LENGTH_EVENT]]
    return lengths[-1] if lengths else run.config["generations"]


_OWN = "pass the same as data=..., or on the command line as --data FOLDER, --data FILE.npz or --data MODULE:FUNCTION"


def data_of(run: Run, data: Dataset | None = None, root: str | os.PathLike[str] | None = None) -> Dataset:
    """The data set of a run: `data` if given, else loaded by its name from `root`, or from the files that it was read
    from; `RunError` if it is another one."""
    name, source = run.dataset["name"], run.dataset.get("source")
    if data is None and source is not None:
        try:
            data = load_again(source, name, root)
        except DataError as error:
            raise RunError(f"{run.path} searched {name!r} in {source['path']}: {error}; {_OWN}") from None
        if run.dataset["fingerprint"] != data.fingerprint:
            raise RunError(f"{run.path} searched {name!r} in {source['path']}, which holds other data now; {_OWN}")
    if data is None:
        if name not in dataset_names():
            raise RunError(f"{run.path} searched {name!r}, made from arrays (fingerprint {_short(run)}…); {_OWN}")
        data = load_dataset(name, root)
    if run.dataset["fingerprint"] != data.fingerprint:
        raise RunError(
            f"{run.path} was made with other data ({name}, fingerprint {_short(run)}), got {data.name} with "
            f"{data.fingerprint[:12]}; pass the same images, labels, names and split"
        )
    return data


def _short(run: Run) -> str:
    return str(run.dataset["fingerprint"])[:12]


def check_same(run: Run, config: SearchConfig, space: SearchSpace, data: Dataset) -> None:
    """Raise `RunError` unless a run was made with these settings (but for `FREE_SETTINGS`), space and data."""
    space_config = run.space_config
    if run.space_name in SPACES:  # settings added since then get their defaults
        space_config = make_space(run.space_name, space_config).config()
    if (run.space_name, space_config) != (space.name, space.config()):
        raise RunError(f"{run.path} was made with another search space ({run.space_name}); pass the same one")
    stored = from_values(SearchConfig, run.config)
    stored = replace(stored, rates=to_values(space.rates(stored.rates)))  # older runs lack newer rates
    same = replace(config, **{name: getattr(stored, name) for name in FREE_SETTINGS})
    if stored != same:
        old, new = to_values(stored), to_values(same)
        differ = ", ".join(f"{name}: {old[name]} there, {new[name]} here" for name in old if old[name] != new[name])
        raise RunError(f"{run.path} was made with other settings ({differ}); resume it with these, or start anew")
    data_of(run, data)
    done = len(run.generations) - 1
    if config.generations is not None and config.generations < done:
        raise RunError(
            f"{run.path} has {done} generations already, so it cannot have {config.generations} in all; fork it after "
            "an earlier one instead"
        )


def check_can_go_on(run: Run, memory: Memory) -> None:
    """Raise `RunError` unless ids are as a search gives them, and all that live have their weights."""
    ranked = len(memory.generations)
    own = [one for one in memory.individuals if not is_by_hand(one.id)]
    before = [one.id for one in own if one.generation < ranked]
    current = [one.id for one in own if one.generation == ranked]
    if before != list(range(len(before))) or len(before) + len(current) != len(own):
        raise RunError(f"{run.path} cannot be resumed: it is damaged: individuals are missing; restore a copy of it")
    if current and max(current) >= len(before) + MOST:
        raise RunError(f"{run.path} cannot be resumed: it is damaged: it holds an individual {max(current)}")
    alive = memory.generations[-1].population if ranked else ()
    if lost := [id for id in alive if id not in memory.genomes]:
        way_out = "restore a copy of it"
        if run.state == "finished":
            way_out = (
                "a small copy of a finished run has only its front; go on with the run itself, or branch it off, which "
                f"trains them again: workbench fork {run.path} --generation {ranked - 1} --generations N --path FILE"
            )
        raise RunError(
            f"{run.path} cannot be resumed: the genomes of {len(lost)} individuals that are alive are missing, first "
            f"of individual {lost[0]}; {way_out}"
        )


def reopened(closed: RunWriter, history: History) -> RunWriter:
    """A writer of a run file that this process released; `RunError` if it holds something else than `history` since."""
    path = closed.path
    writer = create_run(path, open_run(path).description, if_exists="resume")
    stored = History.of(open_run(path).load())
    if stored.finished_generations != history.finished_generations or len(stored.events) != len(history.events):
        writer.close()
        raise RunError(f"run file {path}: it is not as this search left it; go on with Search.resume(path)")
    return writer


def provenance() -> dict[str, Any]:
    """What decides results besides settings: versions of Python, kernels and packages, and the processor if known."""
    versions = {"python": platform.python_version(), "kernels": native.VERSION}
    for package in ("numpy", "torch", "neuron-workbench"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "unknown"
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    return {"versions": versions, "cpu": cpu}


def warn_of_difference(run: Run) -> None:
    """Warn if a run was begun on another kind of processor or with other versions than those of this process."""
    now = provenance()
    there = {"kernels": "1", **run.versions, "processor": run.description.cpu}
    here = {**now["versions"], "processor": now["cpu"]}
    differ = [f"{name} {there[name]}, here {here[name]}" for name in here if there.get(name, here[name]) != here[name]]
    if differ:
        message = f"{run.path} was begun with {'; '.join(differ)}: its next individuals may differ in their last bits"
        warnings.warn(message, stacklevel=4)


class RunHistory:
    """The individuals of a run, by id and without genomes, and the settings under which they were made.

    A child's result depends on its parent, its seed, the key of the prepared data and the settings, all of which are
    stored, so making it again gives the same bits (on one type of processor and one set of versions).
    """

    def __init__(self, run: Run, space: SearchSpace) -> None:
        memory = run.load()
        self.run, self.space = run, space
        self.individuals: dict[int, Individual] = {individual.id: individual for individual in memory.individuals}
        self.generations, self.events = memory.generations, memory.events
        start = Settings.at_start(from_values(SearchConfig, run.config), space)
        self.timeline = Timeline(start, space, memory.events)
        self.trained = self._trained_now()
        self.held: dict[int, bytes] = {}  # stored trained genomes, kept in memory before a running search drops them
        self.again: dict[int, Individual] = {}  # trained again, kept in memory only

        def credits_before(generation: int, objectives: tuple[Objective, ...]) -> Credits:
            return Credits.of((one for one in memory.individuals if one.generation < generation), objectives)

        def best_before(generation: int, objectives: tuple[Objective, ...]) -> int:
            return most_accurate(self._front(generation - 1, objectives)).id

        self._credits_before = lru_cache(maxsize=1)(credits_before)
        self._best_before = lru_cache()(best_before)

    def _trained_now(self) -> frozenset[int]:
        table = self.run.individuals
        return frozenset(int(id) for id in table["id"][table["genome"] == "trained"] if id in self.individuals)

    def hold(self, ids: Iterable[int]) -> None:
        """Keep stored trained genomes in memory, and note those that a running search has dropped since."""
        read = {id: self.run.genome_bytes(id) for id in ids if id not in self.held}
        self.trained = self._trained_now()  # what still is trained was so when it was read
        self.held |= {id: blob for id, blob in read.items() if blob is not None and id in self.trained}

    def genome(self, id: int) -> Any:
        """The genome of an individual, stored or trained again; `RunError` if there is none."""
        if id in self.again:
            return self.again[id].genome
        if id in self.held:
            return self.space.decode(self.held[id])
        blob = self.run.genome_bytes(id)
        return self.run.genome(id) if blob is None else self.space.decode(blob)

    def front(self, generation: int, objectives: Sequence[Objective], latencies: Mapping[int, float]) -> list[int]:
        """Ids of the front at the end of a generation, by other objectives than the run's, with these latencies."""
        return [one.id for one in self._front(generation, objectives, latencies)]

    def _front(
        self, generation: int, objectives: Sequence[Objective], latencies: Mapping[int, float] = MappingProxyType({})
    ) -> list[Individual]:
        known = [one for one in self.individuals.values() if one.generation <= generation and one.ok]
        for place, one in enumerate(known):
            if one.cost is not None and one.id in latencies:
                known[place] = replace(one, cost=replace(one.cost, latency_us=latencies[one.id]))
        return front_of(known, objectives)

    def needs(self, id: int) -> tuple[int, ...]:
        """Whose networks making an individual again takes: those of its parent and its teacher, if it has them."""
        one = self.individuals[id]
        config, found = self.timeline.at(id).config, [] if one.parent is None else [one.parent]
        if config.teacher == "best" and config.train.distillation and one.generation > 0:
            found.append(self._best_before(one.generation, config.ranked_by))
        return tuple(found)

    def missing(self, ids: Iterable[int]) -> list[int]:
        """Individuals of `ids` without weights, and those needed to make them again (see `needs`), the first first."""
        found, wanted = set[int](), list(ids)
        while wanted:
            each = wanted.pop()
            if not any(each in there for there in (self.trained, self.held, self.again, found)):
                found.add(each)
                wanted += self.needs(each)
        return sorted(found, key=lambda id: (self.individuals[id].generation, id))

    def effort(self, ids: Sequence[int]) -> str:
        """What making individuals again takes, in words."""
        results = (self.individuals[id].result for id in ids)
        epochs = sum(result.epochs for result in results if result)
        seconds = sum(self.individuals[id].wall_seconds for id in ids)
        took = "less than 0.1 s" if seconds < 0.1 else f"{seconds:.{0 if seconds >= 10 else 1}f} s"
        return (
            f"{counted(len(ids), 'individual')} must be trained again, {counted(epochs, 'epoch')} in all: "
            f"{took} of one core the first time"
        )

    def make_again(
        self, ids: Sequence[int], data: Any, workers: int, on_child: Callable[[Individual], None] | None = None
    ) -> dict[int, Individual]:
        """Make individuals again, up to `workers` of a generation at once; returns them by id, as they came out.

        `ids` are as `missing` gives them: with all that they need and whose weights are not stored, which come first.
        `RunError` if one fails, `ConfigError` if this machine lacks what training needs.
        """
        if isinstance(self.space, NeedsMachine):
            self.space.check_machine()
        made: dict[int, Individual] = {}

        def make(id: int) -> Individual:
            genomes = {each: made[each].genome if each in made else self.genome(each) for each in self.needs(id)}
            return make_child(self.space, data, self._task(self.individuals[id], genomes))

        with one_thread_each(), ThreadPoolExecutor(workers) as pool:
            for _, batch in groupby(ids, key=lambda id: self.individuals[id].generation):
                for individual in pool.map(make, list(batch)):
                    if not individual.ok:
                        raise RunError(f"individual {individual.id} cannot be trained again: {individual.failure}")
                    made[individual.id] = individual
                    if on_child is not None:
                        on_child(individual)
        return made

    def _task(self, one: Individual, genomes: Mapping[int, Any]) -> Task:
        """The task by which an individual was made, with the genomes that it `needs`."""
        settings = self.timeline.at(one.id)
        earned = Credits()
        if settings.config.adapt is not None:
            earned = self._credits_before(one.generation, settings.config.ranked_by)
        rates = settings.adapted_rates(self.space, earned)
        parent, best = None if one.parent is None else genomes[one.parent], [None, *genomes.values()][-1]
        task = settings.task(one.id, one.generation, one.parent, parent, one.seed, rates, best)
        if one.result and one.result.epochs != task.train.epochs:
            task = replace(task, early_stopping=EarlyStopping.after(one.result.epochs))
        return task

    def differs(self, again: Individual) -> bool:
        """Whether an individual that was made again is not the stored one, but for what a fork may predict anew."""
        stored = self.individuals[again.id]
        return _comparable(again) != _comparable(stored)


def _comparable(one: Individual) -> tuple[Any, ...]:
    cost = one.cost and replace(one.cost, latency_us=None)
    mutation = {name: value for name, value in one.mutation.items() if name != "probabilities"}
    return one.val_accuracy, cost, json.dumps(mutation, sort_keys=True, default=lambda value: value.tolist())


def predicted_latencies(run: Run, space: SearchSpace, model: LatencyModel, ids: Iterable[int]) -> dict[int, float]:
    """Microseconds by id, of the individuals of which a genome or its topology is stored."""
    check_predicts(space, model)
    blobs = {id: run.genome_bytes(id) for id in ids}
    costs = {id: cost_of(space, space.decode(blob), model) for id, blob in blobs.items() if blob is not None}
    return {id: cost.latency_us for id, cost in costs.items() if cost.latency_us is not None}
