"""Copies of a run: forks, which branch a past state off with other settings, and small copies without dead weights."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset
from workbench.errors import ConfigError, RunError
from workbench.executors import available_cores
from workbench.individuals import Individual, is_by_hand
from workbench.objectives import LATENCY
from workbench.search.config import FORK_EVENT, LENGTH_EVENT, SearchConfig
from workbench.search.stored import (
    RunHistory,
    data_of,
    length_of,
    predicted_latencies,
    provenance,
    warn_of_difference,
    without_folder,
)
from workbench.settings import to_values
from workbench.space import DropsWeights, SearchSpace, check_obeyed
from workbench.spaces import make_space
from workbench.store import Run, RunDescription, RunWriter, create_run, open_run


@dataclass(frozen=True)
class ForkPlan:
    """What a fork will take."""

    history: RunHistory  # of the run that is forked
    generation: int  # after which it branches off
    first_child: int  # id of the first child of its own
    alive: tuple[int, ...]  # ids whose weights it needs: the population, the front, those inserted by hand
    again: tuple[int, ...]  # ids that must be trained again since weights were dropped, first what others need
    config: SearchConfig  # of the fork
    changes: dict[str, Any]  # what differs from the settings that held in the run
    latencies: dict[int, float] = field(default_factory=dict)  # microseconds by id, if predicted anew for the fork

    @property
    def cost(self) -> str:
        """What it costs, in words."""
        if not self.again:
            return "all weights that it needs are stored"
        return f"the weights of generation {self.generation} are not all stored: {self.history.effort(self.again)}"


def plan_fork(
    path: str | os.PathLike[str],
    generation: int,
    changes: Mapping[str, Any] | None = None,
    space: SearchSpace | None = None,
) -> ForkPlan:
    """Plan a fork of the run in `path` after a finished generation; a search may be writing the run.

    `changes` are any settings of `SearchConfig`, nested ones as mappings or by dotted names (`{"rates.add_edges": 0.5,
    "seed": 7}`); the others stay as they were then. With other objectives, the individuals so far are ranked anew.
    `space` is only needed if it is none of `workbench.spaces`.

    Raises:
        RunError: if there is no such run or finished generation, or latencies cannot be predicted for lack of genomes.
        ConfigError: if a setting is unknown, out of range or without effect here, or no generation would follow.
    """
    run = open_run(path)
    run.population(generation)  # raises an error that lists the generations
    space = space or make_space(run.space_name, run.space_config)
    check_obeyed(space, changes or {})
    history = RunHistory(run, space)
    records = history.generations[: generation + 1]
    first = sum(record.n_evaluated for record in records)
    by_hand = [id for id, one in history.individuals.items() if is_by_hand(id) and one.generation <= generation]
    before = history.timeline.at(first - 1)
    before = replace(before, config=replace(before.config, generations=length_of(run)))
    changed = before.merged(space, _with_objectives(before.config, changes or {}))
    after = replace(changed.config, rates=to_values(changed.rates))
    if after.generations is not None and after.generations <= generation:
        raise ConfigError(
            f"a fork after generation {generation} expects more generations than that, got {after.generations}; "
            "set generations"
        )
    latencies = _latencies(history, space, generation, before.config, after)
    front = records[-1].front
    if latencies or after.objectives != before.config.objectives:
        front = tuple(history.front(generation, after.ranked_by, latencies))
    alive = tuple(sorted({*records[-1].population, *front, *by_hand}))
    old, new = to_values(replace(before.config, rates=to_values(before.rates))), to_values(after)
    differ = {name: value for name, value in new.items() if value != old[name]}
    return ForkPlan(history, generation, first, alive, tuple(history.missing(alive)), after, differ, latencies)


def fork_run(
    plan: ForkPlan,
    to: str | os.PathLike[str],
    data: Dataset | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    on_child: Callable[[Individual], None] | None = None,
) -> Path:
    """Write the fork to the new file `to`, which `Search.resume` then continues; returns its path.

    The data set is needed only if individuals must be trained again and it was made from arrays; `on_child` is called
    with each of them. Warns if they differ from the stored ones.

    Raises:
        RunError: if the file exists or cannot be written, or an individual cannot be trained again.
    """
    to = _free(to, "fork")
    plan = hold_weights(plan)
    genomes = {**_without_weights(plan), **_with_weights(plan), **_trained_again(plan, data, root, on_child)}
    with _new_file(to, _description(plan, to)) as writer:
        writer.copy_past(plan.history.run.path, plan.generation, genomes, (LENGTH_EVENT,))
        writer.set_latencies(plan.latencies)
        values = {"before": plan.history.run.config, "changes": plan.changes}
        writer.add_event(FORK_EVENT, plan.first_child, plan.generation + 1, values)
        writer.set_state("stopped")
    return to


def hold_weights(plan: ForkPlan) -> ForkPlan:
    """The plan with the weights that it needs in memory, since a search that goes on may drop them at any time.

    Those that were dropped since the plan was made must be trained again as well.
    """
    history = plan.history
    while True:
        again = history.missing(plan.alive)
        needed = {*plan.alive, *(each for id in again for each in history.needs(id))}.difference(again, history.again)
        if needed <= history.held.keys():
            return replace(plan, again=tuple(again))
        history.hold(needed)


def _free(to: str | os.PathLike[str], what: str) -> Path:
    path = Path(os.path.expanduser(to))
    if path.exists():
        raise RunError(f"run file {to}: it exists already; give the {what} another file")
    return path


@contextlib.contextmanager
def _new_file(to: Path, description: RunDescription) -> Iterator[RunWriter]:
    """A writer of a run file that appears whole or not at all."""
    draft = to.with_name(f"{to.name}.part")
    draft.unlink(missing_ok=True)
    with create_run(draft, description) as writer:
        yield writer
    draft.rename(to)


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
        "path": os.path.relpath(run.path.resolve(), to.resolve().parent),
        "generation": plan.generation,
        "created_at": run.created_at,
        "seed": run.seed,
        "changes": plan.changes,
    }
    settings: dict[str, Any] = {"search_config": to_values(plan.config), "seed": plan.config.seed}
    return replace(run.description, **settings, **provenance(), origin=origin)


def _without_weights(plan: ForkPlan) -> dict[int, tuple[str, bytes]]:
    """Encoded topologies of the individuals whose weights the fork does not need."""
    history, space = plan.history, plan.history.space
    if plan.config.keep != "needed" or not isinstance(space, DropsWeights):
        return {}
    dead = [
        id for id in history.trained.difference(plan.alive) if history.individuals[id].generation <= plan.generation
    ]
    return {id: ("topology", space.encode(space.without_weights(history.genome(id)))) for id in dead}


def _with_weights(plan: ForkPlan) -> dict[int, tuple[str, bytes]]:
    held = plan.history.held
    return {id: ("trained", held[id]) for id in plan.alive if id in held}


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
    made = plan.history.make_again(plan.again, data, workers, on_child)
    if differ := [id for id, one in made.items() if plan.history.differs(one)]:
        warnings.warn(
            f"{len(differ)} of {len(made)} individuals that were trained again differ from those of "
            f"{plan.history.run.path}, the first is {differ[0]}: another processor or other versions, perhaps; the "
            "fork goes on with the new weights",
            stacklevel=3,
        )
    return {id: ("trained", plan.history.space.encode(made[id].genome)) for id in plan.alive if id in made}


# ---------------------------------------------------------------- small copies
def compact_run(path: str | os.PathLike[str], to: str | os.PathLike[str], space: SearchSpace | None = None) -> Path:
    """Copy a finished run with all its individuals, but only with the networks that others will look at.

    Of the all-time front the trained networks are kept, of its ancestors the topologies, of the others no network. All
    records stay: mutations, accuracies, learning curves, generations, live changes; so the copy is the same run. Of
    where its data were read from, it tells the name of the file or folder only.
    Returns the new file; `space` is only needed if it is none of `workbench.spaces`.

    Raises:
        RunError: if the run has not finished, or the new file exists or cannot be written.
    """
    run = open_run(path)
    if run.state != "finished":
        raise RunError(
            f"run file {path}: a run that is {run.state} would lack what it needs to go on; finish it first with: "
            f"workbench resume {path}"
        )
    to = _free(to, "copy")
    genomes = _kept(run, space or make_space(run.space_name, run.space_config))
    about = replace(run.description, dataset=without_folder(run.dataset))
    with _new_file(to, about) as writer:
        writer.copy_past(path, int(run.generations["generation"].max()), genomes)
        writer.copy_about(path)
    return to


def _kept(run: Run, space: SearchSpace) -> dict[int, tuple[str, bytes] | None]:
    """What to keep in place of each stored genome; those of the front stay as they are."""
    front = [int(id) for id in run.front()["id"]]
    ancestors = {int(id) for member in front for id in run.lineage(member)["id"]}
    kept: dict[int, tuple[str, bytes] | None] = {}
    for id in map(int, run.individuals["id"]):
        blob = None if id in front else run.genome_bytes(id)
        if blob is not None and id not in ancestors:
            kept[id] = None
        elif blob is not None and isinstance(space, DropsWeights):
            kept[id] = ("topology", space.encode(space.without_weights(space.decode(blob))))
    return kept
