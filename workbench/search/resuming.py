"""The head of a run file, and the checks before a search resumes it: settings, data, versions, processor."""

from __future__ import annotations

import os
import platform
import warnings
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset, dataset_names, load_dataset
from workbench.errors import RunError
from workbench.individuals import is_by_hand
from workbench.search.config import FREE_SETTINGS, LENGTH_EVENT, MOST, SearchConfig
from workbench.settings import from_values, to_values
from workbench.space import SearchSpace
from workbench.spaces import SPACES, make_space
from workbench.store import Memory, Run, RunDescription


def describe_run(config: SearchConfig, space: SearchSpace, data: Dataset) -> RunDescription:
    """The head of the run file of a new search."""
    return RunDescription(
        space_name=space.name,
        space_config=space.config(),
        search_config=to_values(config),
        dataset={"name": data.name, "fingerprint": data.fingerprint, "root": None},
        seed=config.seed,
        versions=versions(),
        cpu=cpu(),
    )


def length_of(run: Run) -> int:
    """Generations a run is to have, as last set."""
    events: Any = run.events
    lengths = [values["generations"] for values in events["values"][events["kind"] == LENGTH_EVENT]]
    return lengths[-1] if lengths else run.config["generations"]


def data_of(run: Run, data: Dataset | None = None, root: str | os.PathLike[str] | None = None) -> Dataset:
    """The data set of a run: `data` if given, else loaded by its name from `root`.

    Raises:
        RunError: if it was made from arrays and is not given, or is another one.
    """
    name = run.dataset["name"]
    if data is None:
        if name not in dataset_names():
            raise RunError(f"{run.path} searched {name!r}, made from arrays; pass it as data=...")
        data = load_dataset(name, root)
    if run.dataset["fingerprint"] != data.fingerprint:
        raise RunError(f"{run.path} was made with other data ({name}); pass the same data set")
    return data


def check_same(run: Run, config: SearchConfig, space: SearchSpace, data: Dataset) -> None:
    """Raise `RunError` unless a run was made with these settings (but for `FREE_SETTINGS`), space and data."""
    if (run.space_name, _space_config(run)) != (space.name, space.config()):
        raise RunError(f"{run.path} was made with another search space ({run.space_name}); pass the same one")
    stored = from_values(SearchConfig, run.config)
    stored = replace(stored, rates=space.rates_values(space.rates(stored.rates)))  # older runs lack newer rates
    same = replace(config, **{name: getattr(stored, name) for name in FREE_SETTINGS})
    if stored != same:
        old, new = to_values(stored), to_values(same)
        differ = ", ".join(f"{name}: {old[name]} there, {new[name]} here" for name in old if old[name] != new[name])
        raise RunError(f"{run.path} was made with other settings ({differ}); resume it with these, or start anew")
    data_of(run, data)


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


def _space_config(run: Run) -> dict[str, Any]:
    """The settings of a run's space, with settings added since at their defaults."""
    if run.space_name not in SPACES:
        return run.space_config
    return make_space(run.space_name, run.space_config).config()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide results."""
    found = {"python": platform.python_version()}
    for package in ("numpy", "torch", "neuron-workbench"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def cpu() -> str:
    """Name of the processor, as far as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def warn_of_difference(run: Run) -> None:
    """Warn if a run was begun on another kind of processor or with other versions than those of this process."""
    there, here = {**run.versions, "processor": run.description.cpu}, {**versions(), "processor": cpu()}
    differ = [f"{name} {there[name]}, here {here[name]}" for name in here if there.get(name, here[name]) != here[name]]
    if differ:
        message = f"{run.path} was begun with {'; '.join(differ)}: its next individuals may differ in their last bits"
        warnings.warn(message, stacklevel=4)
