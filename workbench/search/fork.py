"""Forks: a past state of a run, branched off into a run of its own with other settings."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import ConfigError, RunError
from workbench.executors import available_cores
from workbench.individuals import Individual, is_by_hand
from workbench.objectives import LATENCY
from workbench.search.config import FORK_EVENT, LENGTH_EVENT, SearchConfig
from workbench.search.resuming import cpu, data_of, length_of, versions, warn_of_difference
from workbench.search.run_history import RunHistory, predicted_latencies
from workbench.settings import to_values
from workbench.space import DropsWeights, SearchSpace
from workbench.spaces import make_space
from workbench.store import RunDescription, create_run, open_run


@dataclass(frozen=True)
class ForkPlan:
    """What a fork will take.

    Attributes:
        history: of the run that is forked.
        space: of the run.
        generation: after which it branches off.
        first_child: id of the first child of its own.
        alive: ids of the individuals whose weights it needs: the population, the front, those inserted by hand.
        again: ids of the individuals that must be trained again since weights were dropped, parents first.
        config: settings of the fork.
        changes: what differs from those that held in the run.
        latencies: predicted, microseconds by id, of the individuals so far, if they were not predicted by its model.
    """

    history: RunHistory
    space: SearchSpace
    generation: int
    first_child: int
    alive: tuple[int, ...]
    again: tuple[int, ...]
    config: SearchConfig
    changes: dict[str, Any]
    latencies: dict[int, float] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Epochs of training that `again` takes."""
        return sum(one.result.epochs for one in self._again if one.result)

    @property
    def seconds(self) -> float:
        """What training them took the first time, one after the other."""
        return sum(one.wall_seconds for one in self._again)

    @property
    def cost(self) -> str:
        """What it costs, in words."""
        if not self.again:
            return "all weights that it needs are stored"
        return (
            f"the weights of generation {self.generation} are not all stored: {len(self.again)} individuals must be "
            f"trained again, {self.epochs} epochs in all, which took {self.seconds:.0f} s of one core the first time"
        )

    @property
    def _again(self) -> list[Individual]:
        return [self.history.individuals[id] for id in self.again]


def plan_fork(
    path: str | os.PathLike[str],
    generation: int,
    changes: Mapping[str, Any] | None = None,
    space: SearchSpace | None = None,
) -> ForkPlan:
    """Plan a fork of the run in `path`.

    It may choose other objectives: the individuals so far are ranked anew by them.

    Args:
        path: the run file; a search may be writing it.
        generation: the finished generation after which the fork branches off.
        changes: any settings of `SearchConfig`, nested ones as mappings or by dotted names (`{"rates.add_edges": 0.5,
            "seed": 7}`); the others stay as they were then.
        space: of the run, if it is none of `workbench.spaces`.

    Raises:
        RunError: if there is no such run or finished generation, or latencies cannot be predicted for lack of genomes.
        ConfigError: if a setting is unknown or out of range, or no generation would follow.
    """
    run = open_run(path)
    run.population(generation)  # raises an error that lists the generations
    space = space or make_space(run.space_name, run.space_config)
    history = RunHistory(run, space)
    records = history.generations[: generation + 1]
    first = sum(record.n_evaluated for record in records)
    by_hand = [id for id, one in history.individuals.items() if is_by_hand(id) and one.generation <= generation]
    before = history.timeline.at(first - 1)
    before = replace(before, config=replace(before.config, generations=length_of(run)))
    changed = before.merged(space, _with_objectives(before.config, changes or {}))
    after = replace(changed.config, rates=space.rates_values(changed.rates))
    if after.generations <= generation:
        raise ConfigError(
            f"a fork after generation {generation} expects more generations than that, got {after.generations}; "
            "set generations"
        )
    latencies = _latencies(history, space, generation, before.config, after)
    front = records[-1].front
    if latencies or after.objectives != before.config.objectives:
        front = tuple(history.front(generation, after.ranked_by, latencies))
    alive = tuple(sorted({*records[-1].population, *front, *by_hand}))
    old, new = to_values(replace(before.config, rates=space.rates_values(before.rates))), to_values(after)
    differ = {name: value for name, value in new.items() if value != old[name]}
    return ForkPlan(history, space, generation, first, alive, tuple(history.missing(alive)), after, differ, latencies)


def fork_run(
    plan: ForkPlan,
    to: str | os.PathLike[str],
    data: Dataset | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    on_child: Callable[[Individual], None] | None = None,
) -> Path:
    """Write the fork to a run file of its own, which `Search.resume` then continues.

    Args:
        plan: from `plan_fork`.
        to: the new file.
        data: the data set; needed only if it was made from arrays and individuals must be trained again.
        root: where the data lie, as for `load_dataset`.
        on_child: called with each individual that was trained again.

    Returns:
        The file.

    Warns:
        UserWarning: if individuals that were trained again differ from the stored ones.

    Raises:
        RunError: if the file exists or cannot be written, or an individual cannot be trained again.
    """
    to = Path(to).expanduser()
    if to.exists():
        raise RunError(f"run file {to}: it exists already; give the fork another file")
    genomes = {**_without_weights(plan), **_trained_again(plan, data, root, on_child)}
    draft = to.with_name(f"{to.name}.fork")  # the fork appears whole or not at all
    draft.unlink(missing_ok=True)
    with create_run(draft, _description(plan, to)) as writer:
        writer.copy_past(plan.history.run.path, plan.generation, genomes, (LENGTH_EVENT,))
        writer.set_latencies(plan.latencies)
        values = {"before": plan.history.run.config, "changes": plan.changes}
        writer.add_event(FORK_EVENT, plan.first_child, plan.generation + 1, values)
        writer.set_state("stopped")
    draft.rename(to)
    return to


def _with_objectives(before: SearchConfig, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Changes in which the latency model goes with the objective, and the objective with the model."""
    if "objectives" in changes and LATENCY.name not in changes["objectives"] and LATENCY.name not in changes:
        return {**changes, LATENCY.name: None}
    if "objectives" not in changes and changes.get(LATENCY.name, "") in (None, "none"):
        return {**changes, "objectives": tuple(name for name in before.objectives if name != LATENCY.name)}
    return changes


def _latencies(
    history: RunHistory, space: SearchSpace, generation: int, before: SearchConfig, after: SearchConfig
) -> dict[int, float]:
    """Predicted latencies of the individuals so far, if the fork has another model than the run had."""
    if after.latency is None or after.latency == before.latency:
        return {}
    ids = [id for id, one in history.individuals.items() if one.generation <= generation]
    latencies = predicted_latencies(history.run, space, after.latency, ids)
    if unknown := [id for id in ids if history.individuals[id].ok and id not in latencies]:
        raise RunError(
            f"{history.run.path} cannot be ranked by latency: no topology of {len(unknown)} individuals is stored, "
            f"first of {unknown[0]}; fork the run that this small copy was made of, or leave latency out"
        )
    return latencies


def _description(plan: ForkPlan, to: Path) -> RunDescription:
    run = plan.history.run
    origin = {
        "path": os.path.relpath(run.path.resolve(), to.expanduser().resolve().parent),
        "generation": plan.generation,
        "created_at": run.created_at,
        "seed": run.seed,
        "changes": plan.changes,
    }
    return replace(
        run.description,
        search_config=to_values(plan.config),
        seed=plan.config.seed,
        versions=versions(),
        cpu=cpu(),
        origin=origin,
    )


def _without_weights(plan: ForkPlan) -> dict[int, tuple[str, bytes]]:
    """Encoded topologies of the individuals whose weights the fork does not need."""
    history, space = plan.history, plan.space
    if plan.config.keep != "needed" or not isinstance(space, DropsWeights):
        return {}
    dead = [
        id for id in history.trained.difference(plan.alive) if history.individuals[id].generation <= plan.generation
    ]
    return {id: ("topology", space.encode(space.without_weights(history.genome(id)))) for id in dead}


def _trained_again(
    plan: ForkPlan,
    data: Dataset | None,
    root: str | os.PathLike[str] | None,
    on_child: Callable[[Individual], None] | None,
) -> dict[int, tuple[str, bytes]]:
    if not plan.again:
        return {}
    data = data_of(plan.history.run, data, root)
    warn_of_difference(plan.history.run)
    workers = plan.config.workers or available_cores()
    made = plan.history.make_again(plan.again, data, workers=workers, on_child=on_child)
    for id in plan.alive:
        if id in made and not made[id].ok:
            raise RunError(f"individual {id} cannot be trained again: {made[id].failure}")
    if differ := [id for id, one in made.items() if plan.history.differs(one)]:
        warnings.warn(
            f"{len(differ)} of {len(made)} individuals that were trained again differ from those of "
            f"{plan.history.run.path}, the first is {differ[0]}: another processor or other versions, perhaps; the "
            "fork goes on with the new weights",
            stacklevel=3,
        )
    return {id: ("trained", plan.space.encode(made[id].genome)) for id in plan.alive if id in made}
