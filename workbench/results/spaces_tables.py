"""What a study of search spaces shows, from its files of results: comparisons for figures, and tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import RunError
from workbench.evolution import HypervolumeBounds
from workbench.results.files import Mean, ResultFile, looks_at_test, markdown, mean_of
from workbench.results.spaces import KINDS
from workbench.settings import from_values
from workbench.spaces import SPACES
from workbench.views.compare.curves import Curve, Tried, around, curve_of_steps
from workbench.views.compare.data import Comparison
from workbench.views.compare.figure import amount

if TYPE_CHECKING:
    import pandas as pd


MOST_ERROR = 0.9
"""The largest error that hypervolume counts here, that of guessing one of ten classes. The boxes of searches are
narrower, on MNIST from 90 % accuracy on: made for networks that all get there soon, they would be empty for some.
"""


@dataclass(frozen=True)
class KeptRun:
    """One run of the study."""

    space: str
    kind: str  # of `KINDS`
    seed: int
    curve: Curve  # its costs are "training" and "process"
    individuals: int
    test_accuracy: float  # of the most accurate network that the selection split chose


def kept_runs(path: str | os.PathLike[str]) -> list[KeptRun]:
    """All runs in a file `spaces-*.json`, with hypervolumes in one box, by space in the order of registration.

    `RunError` if the file cannot be read.
    """
    entries = ResultFile(path).items()
    try:
        boxes = [from_values(HypervolumeBounds, {**entry["bounds"], "max_error": MOST_ERROR}) for _, entry in entries]
        runs = [_kept(key, entry, around(boxes)) for key, entry in entries]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} does not hold runs of a study of spaces ({error!r}); move it away") from None
    known = list(SPACES)
    return sorted(runs, key=lambda run: (known.index(run.space) if run.space in known else len(known), run.seed))


def _kept(key: str, entry: dict[str, Any], bounds: HypervolumeBounds) -> KeptRun:
    ids, flops, accuracy, process, training = np.array(entry["steps"], float).reshape(-1, 5).T
    steps = Tried(ids.astype(np.int64), flops, accuracy, {"training": training, "process": process})
    curve = curve_of_steps(key, steps, {"training": entry["training"], "process": entry["processor"]}, bounds)
    kind = "random" if entry["selection"] == "random" else "evolution"
    return KeptRun(entry["space"], kind, entry["seed"], curve, entry["individuals"], entry["test_accuracy"])


def spaces_comparison(path: str | os.PathLike[str], kind: str = "evolution") -> Comparison:
    """The evolutions (or, "random", the random searches) of all spaces in a file `spaces-*.json`, a group a space.

    For `workbench.plots.comparison_figure`, `reached_table` and `rank_table`.
    """
    return _compared([run for run in kept_runs(path) if run.kind == kind], lambda run: run.space)


def controls_comparison(path: str | os.PathLike[str], space: str) -> Comparison:
    """Evolution and random search of one space, from a file `spaces-*.json`."""
    return _compared([run for run in kept_runs(path) if run.space == space], lambda run: KINDS[run.kind])


def _compared(runs: Sequence[KeptRun], group_of: Any) -> Comparison:
    groups = dict.fromkeys(group_of(run) for run in runs)
    if not groups:
        raise RunError("there is no such run in the study; carry it out first, or name another space")
    return Comparison({name: tuple(run.curve for run in runs if group_of(run) == name) for name in groups}, {})


def spaces_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """A row for each space and kind of search: means over the seeds, with 95 % intervals where there are several.

    Hypervolumes are those at equal cost: what the run that had least of all in the file has spent. Validation accuracy
    and front are those after equal seconds; networks tried and test accuracy those in the end.
    """
    import pandas as pd

    runs = kept_runs(path)
    equal = _least(runs)
    rows = []
    for space in dict.fromkeys(run.space for run in runs):
        for kind, title in KINDS.items():
            if group := [run for run in runs if (run.space, run.kind) == (space, kind)]:
                rows.append((space, title, str(len(group)), *_cells(group, equal)))
    at = [f"hypervolume at {amount(spent, cost)}" for cost, spent in equal.items()]
    more = ["best validation accuracy", "networks on the front", "test accuracy, chosen on the selection split"]
    return pd.DataFrame(rows, columns=["space", "search", "runs", "networks tried", *at, *more])


def _least(runs: Sequence[KeptRun]) -> dict[str, float]:
    """What every run has spent."""
    return {cost: min((run.curve.spent(cost) for run in runs), default=0.0) for cost in ("process", "training")}


def _cells(group: Sequence[KeptRun], equal: dict[str, float]) -> list[str]:
    """Of a row of `spaces_table`, after the number of runs."""
    volumes = [mean_of([run.curve.hypervolume_at(cost, spent) for run in group]) for cost, spent in equal.items()]
    then = [run.curve.at("process", equal["process"]) for run in group]
    best = mean_of([one.accuracy[-1] if len(one.accuracy) else np.nan for one in then])
    return [
        f"{np.mean([run.individuals for run in group]):,.0f}",
        *(_text(volume) for volume in volumes),
        best.percent(),
        f"{np.mean([len(one.flops) for one in then]):.0f}",
        mean_of([run.test_accuracy for run in group]).percent(),
    ]


def differences_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Hypervolume of evolution less that of random search, by space: the mean over pairs of one seed, at equal cost.

    Here equal cost is what every run *of the space* has spent, which is more than all spaces have.
    """
    import pandas as pd

    runs = kept_runs(path)
    rows = []
    for space in dict.fromkeys(run.space for run in runs):
        by_seed = {(run.kind, run.seed): run for run in runs if run.space == space}
        seeds = [seed for kind, seed in by_seed if kind == "evolution" and ("random", seed) in by_seed]
        pairs = [(by_seed["evolution", seed].curve, by_seed["random", seed].curve) for seed in seeds]
        if not pairs:
            continue
        equal = _least(list(by_seed.values()))
        cells = [
            _text(
                mean_of([one.hypervolume_at(cost, spent) - other.hypervolume_at(cost, spent) for one, other in pairs]),
                "+z",
            )
            for cost, spent in equal.items()
        ]
        rows.append((space, str(len(pairs)), *cells, amount(equal["training"], "training")))
    return pd.DataFrame(
        rows, columns=["space", "pairs", "after the same seconds", "after the same training", "which is"]
    )


def _text(of: Mean, sign: str = "") -> str:
    return f"{of.mean:{sign}.3f}" + (f" ± {of.margin:.3f}" if np.isfinite(of.margin) else "")


def spaces_tables(path: str | os.PathLike[str]) -> str:
    """Both tables as Markdown, and how often the test set was looked at for them."""
    tables = [spaces_table(path), differences_table(path)]
    titles = ["search spaces side by side", "evolution less random search in each space, hypervolume"]
    parts = [
        f"### {ResultFile(path).path.stem}: {title}\n\n{markdown(list(table.columns), table.to_numpy().tolist())}"
        for title, table in zip(titles, tables, strict=True)
    ]
    return "\n\n".join(
        [*parts, f"The test set was looked at {looks_at_test([ResultFile(path)])} times for these tables."]
    )
