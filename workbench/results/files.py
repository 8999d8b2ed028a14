"""Results that come one by one and survive a stop, their means over seeds, and tables."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workbench.errors import RunError
from workbench.outputs import output_file, writing
from workbench.views.front.data import Baseline

ABOUT = "about"
"""Key of the entry that says what a file of results is about."""

CONFIDENCE = 0.95


class ResultFile:
    """Entries by key, kept in a JSON file that is rewritten with every entry; finished entries are skipped next time.

    Any thread of one process may add entries; two processes must not write the same file at once. The file is created
    with the first entry; one that holds something else is a `RunError`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._guard = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            try:
                self._entries = json.loads(self.path.read_text())
            except (OSError, ValueError) as error:
                raise RunError(f"{self.path} cannot be read as results ({error}); move it away") from None
        if not isinstance(self._entries, dict) or not all(isinstance(each, dict) for each in self._entries.values()):
            raise RunError(f"expected results in {self.path}, got something else; move it away")

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._entries[key]

    def items(self) -> list[tuple[str, dict[str, Any]]]:
        """All entries in the order in which they were added."""
        with self._guard:
            return list(self._entries.items())

    def add(self, key: str, entry: Mapping[str, Any]) -> None:
        """Add or replace an entry and write the file; other readers see it before or after, never half-written."""
        with self._guard:
            entries = {**self._entries, key: dict(entry)}
            with writing(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
            with output_file(self.path) as part, part.open("w") as file:
                json.dump(entries, file, indent=1)
            self._entries = entries

    def about(self, facts: Mapping[str, Any], choose: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """What the file is about: `facts`, which must be those it was begun with, and what `choose` chose then."""
        if ABOUT not in self:
            self.add(ABOUT, {**facts, **choose()})
        elif differ := [name for name in facts if self[ABOUT].get(name) != facts[name]]:
            raise RunError(
                f"{self.path} holds results of another run or by another recipe ({', '.join(differ)} differ); "
                "give another file, or move this one away"
            )
        return self[ABOUT]


def looks_at_test(files: Iterable[ResultFile]) -> int:
    """How often the test set was evaluated for the results in these files."""
    return sum("test_accuracy" in entry for file in files for _, entry in file.items())


class Mean(NamedTuple):
    """A mean over independent repetitions."""

    mean: float  # of the values
    margin: float  # half the width of the confidence interval; NaN for a single value
    n: int  # number of values

    def percent(self) -> str:
        """As accuracy: "98.71 ± 0.06 %", without margin for a single value."""
        margin = f" ± {100 * self.margin:.2f}" if np.isfinite(self.margin) else ""
        return f"{100 * self.mean:.2f}{margin} %"


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and 95 % confidence interval by Student's t, for values that are about normal."""
    from scipy.stats import t

    array, n = np.asarray(values, float), len(values)
    margin = t.ppf((1 + CONFIDENCE) / 2, n - 1) * array.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return Mean(float(array.mean()) if n else np.nan, float(margin), n)


def measured_baselines(file: ResultFile) -> tuple[Baseline, ...]:
    """The hand-made networks in a file, by rising FLOPs, each with its mean test accuracy over the seeds."""
    titles = dict.fromkeys(entry["title"] for _, entry in file.items())
    made = []
    for title in titles:
        group = [entry for _, entry in file.items() if entry["title"] == title]
        first, reached = group[0], mean_of([entry["test_accuracy"] for entry in group])
        flops = round(sum(entry["flops"] for entry in group) / len(group))  # seeds are pruned to slightly other edges
        seeds = "1 seed" if reached.n == 1 else f"{reached.n} seeds"
        recipe = f"{first['epochs']} epochs, {seeds}: {reached.percent()}"
        made.append(Baseline(title, first["dataset"], flops, reached.mean, recipe))
    return tuple(sorted(made, key=lambda one: one.flops))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
