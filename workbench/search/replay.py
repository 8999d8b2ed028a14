"""Replay: a stored run made again from its seed, settings and events, and compared bit for bit."""

from __future__ import annotations

import contextlib
import os
import tempfile
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.datasets import Dataset
from workbench.individuals import Individual
from workbench.search import machine
from workbench.search.by_hand import individual_by_hand
from workbench.search.comparing import RunComparison, compare_runs
from workbench.search.config import SearchConfig
from workbench.search.resuming import data_of, length_of
from workbench.search.run_history import RunHistory
from workbench.search.search import Search
from workbench.settings import from_values
from workbench.space import SearchSpace
from workbench.spaces import make_space
from workbench.store import create_run, open_run


@dataclass(frozen=True)
class Replay:
    """A run made again.

    Attributes:
        path: its file; None if it was not kept.
        comparison: with the stored run.
    """

    path: Path | None
    comparison: RunComparison

    @property
    def is_same(self) -> bool:
        """Whether every individual, metric, genome, generation and event is the same."""
        return self.comparison.difference is None


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
    """Make a run again from its stored seed, settings and events, and say whether it is the same.

    Live changes, forks and children that were given up come when they came; individuals put in by hand are taken from
    the file and measured again. A generation that the run left unfinished is finished here; only what the run holds is
    compared.

    Args:
        path: the run file.
        to: where to keep the copy; None to keep none.
        data: the data set; needed only if it was made from arrays.
        space: of the run, if it is none of `workbench.spaces`.
        root: where the data lie, as for `load_dataset`.
        executor: where children are trained, as for `Search`.
        workers: children trained at once; None for as many as there are cores.
        progress: whether to show a progress line.

    Warns:
        UserWarning: if the run began on another processor or with other versions, so that last bits may differ.

    Raises:
        RunError: if the run cannot be read, its data are missing or others, or the copy exists or cannot be written.
    """
    run = open_run(path)
    data = data_of(run, data, root)
    machine.warn_of_difference(run)
    space = space or make_space(run.space_name, run.space_config)
    with contextlib.ExitStack() as stack:
        if to is None:
            target = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workbench-replay-"))) / "copy.sqlite"
        else:
            target = Path(to).expanduser()
        past = RunHistory(run, space)
        _make_again(past, target, data, space, executor, workers, progress)
        return Replay(None if to is None else target, compare_runs(run, open_run(target), space))


def _make_again(
    past: RunHistory,
    target: Path,
    data: Dataset,
    space: SearchSpace,
    executor: Executor | str | None,
    workers: int | None,
    progress: bool,
) -> None:
    run = past.run
    create_run(target, replace(run.description, versions=machine.versions(), cpu=machine.cpu())).close()
    config = replace(from_values(SearchConfig, run.config), workers=workers, child_seconds=None)
    search = Search(data, config, target, space, executor, "resume")
    last = max((one.generation for one in past.individuals.values()), default=-1)

    def guest(id: int) -> Individual:
        stored = past.individuals[id]
        history = stored.result.history if stored.result else ()
        return individual_by_hand(
            space, data, past.genome(id), parent=stored.parent, record=stored.mutation, history=history
        )

    search.follow(past.events, guest, max(0, min(last, length_of(run))))
    search.run(progress=progress)
    search.close()
