"""What each mutation did in a run: its effect on accuracy and FLOPs, and what became of its children (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.views.run.data import Change, run_changes

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Run

CONFIDENCE = 0.95

BY_HAND = "by hand"
"""Kind under which individuals made by hand are counted, whatever was done to them."""

MOST_KINDS = 12
"""Kinds beyond those of the search space that are counted apart: a file may name any."""

SCREENED = ("tried", "neutral", "died")
"""What records count of mutants where a space draws again until one does something else than its parent."""

MOST_WINDOWS = 8
"""Into how many windows the generations are divided."""


class Estimate(NamedTuple):
    """A number with its 95 % interval."""

    value: float  # NaN if there is nothing to estimate from
    low: float  # NaN if there is too little data for an interval
    high: float
    n: int  # observations

    @property
    def errors(self) -> tuple[float, float]:
        """How far the interval reaches below and above the value; 0 where there is none."""
        below, above = self.value - self.low, self.high - self.value
        return (0.0 if math.isnan(below) else below), (0.0 if math.isnan(above) else above)


def median(values: Sequence[float] | np.ndarray) -> Estimate:
    """The median with the distribution-free interval between two order statistics; NaN in `values` are left out.

    From the k-th smallest to the k-th largest value, with the largest k for which a binomial variable of n tosses of a
    fair coin lies below k with probability at most (1 − `CONFIDENCE`) / 2 (Conover, Practical Nonparametric Statistics,
    1999, section 3.2). Fewer than 6 values have no such interval of 95 %.
    """
    ordered = np.sort(np.asarray(values, float))
    ordered = ordered[~np.isnan(ordered)]
    n = len(ordered)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    k = _rank_of_interval(n)
    low, high = (float(ordered[k - 1]), float(ordered[n - k])) if k else (math.nan, math.nan)
    return Estimate(float(np.median(ordered)), low, high, n)


@cache
def _rank_of_interval(n: int) -> int:
    """The smallest k for which n tosses of a fair coin give at most k heads with probability (1 − `CONFIDENCE`) / 2."""
    tail, every = round(2 / (1 - CONFIDENCE)), 2**n  # 1 in so many, of so many
    k, ways, total = 0, 1, 1  # ways to have exactly k heads, and at most k
    while total * tail < every:
        ways = ways * (n - k) // (k + 1)
        k, total = k + 1, total + ways
    return k


def share(successes: int, n: int) -> Estimate:
    """A share of n, with Wilson's score interval (Wilson 1927)."""
    from scipy.stats import binomtest

    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    interval = binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high), n)


@dataclass(frozen=True)
class Effects:
    """Estimates over a group of children of one kind: medians and shares."""

    kind: str  # of mutation, or "by hand"
    children: int  # failed ones included
    failed: int
    before: Estimate  # accuracy before training − parent's accuracy: what the mutation alone did
    after: Estimate  # accuracy after training − parent's accuracy
    flops: Estimate  # of the child over those of its parent
    front: Estimate  # share of the children that were on the all-time front when their generation was ranked
    lines: Estimate  # share of the children that are alive or have a living descendant
    neutral: Estimate  # share of the mutants tried that did what their parent does; n = 0 if none is screened
    died: Estimate  # share of the mutants tried that died before they were trained


@dataclass(frozen=True)
class Window:
    """The effects within the generations from `first` to `last`."""

    first: int
    last: int
    effects: tuple[Effects, ...]  # in the order of `MutationEffects.kinds`


@dataclass(frozen=True)
class MutationEffects:
    """What each mutation did in a run."""

    kinds: tuple[str, ...]  # of mutation, in the order of the search space, and "by hand" if there are any
    table: pd.DataFrame  # the children, a row each: see `children_table`
    effects: tuple[Effects, ...]  # over the whole run, in the order of `kinds`
    windows: tuple[Window, ...]
    probabilities: pd.DataFrame  # with which a kind was drawn: a column per kind, a row per generation
    changes: tuple[Change, ...]  # what a person changed while it ran

    @property
    def has_screened(self) -> bool:
        """Whether the space screens mutants, and records how many."""
        return any(effects.neutral.n for effects in self.effects)


def mutation_effects(run: Run) -> MutationEffects:
    """What each mutation did in a run, as of now."""
    table = children_table(run)
    kinds = _kinds(run, table)
    last = int(table["generation"].max()) if len(table) else 0
    size = max(1, -(-last // MOST_WINDOWS))
    windows = []
    for first in range(1, last + 1, size):
        end = min(first + size - 1, last)
        within = table[(table["generation"] >= first) & (table["generation"] <= end)]
        windows.append(Window(first, end, _effects(within, kinds)))
    probabilities = held_probabilities(run, [kind for kind in kinds if kind != BY_HAND])
    return MutationEffects(kinds, table, _effects(table, kinds), tuple(windows), probabilities, tuple(run_changes(run)))


def children_table(run: Run) -> pd.DataFrame:
    """All children (individuals with a parent), one row each.

    Columns: `id`, `parent`, `generation`, `kind`, `failed`, `before` and `after` (accuracy − parent's, before and after
    training), `flops_ratio` (child over parent), `front` (whether on the all-time front when its generation was ranked;
    missing if it is not ranked yet), `line` (whether it or a descendant is alive), and numbers of mutants `tried`, of
    them `neutral` and `died` (missing if the space does not screen them).
    """
    everyone, generations, records = run.individuals, run.generations, run.mutations()
    children = everyone[everyone["parent"].notna()].copy()
    parents = everyone.set_index("id").reindex(children["parent"].astype("int64"))
    failed = (children["status"] != "ok").to_numpy()
    accuracy, flops = parents["val_accuracy"].to_numpy(float), parents["flops"].astype("float64").to_numpy(copy=True)
    flops[flops == 0] = np.nan  # what takes none has no ratio
    children["kind"] = np.where(children["origin"] == BY_HAND, BY_HAND, children["mutation"])
    children["failed"] = failed
    children["before"] = children["initial_val_accuracy"].to_numpy(float) - accuracy
    children["after"] = children["val_accuracy"].to_numpy(float) - accuracy
    children["flops_ratio"] = children["flops"].astype("float64").to_numpy() / flops
    children.loc[failed, ["before", "after", "flops_ratio"]] = np.nan
    fronts = dict(zip(generations["generation"], map(set, generations["front"]), strict=True))
    children["front"] = [
        id in fronts[generation] if generation in fronts else None
        for id, generation in zip(children["id"], children["generation"], strict=True)
    ]
    parent_of, lines = dict(zip(children["id"], children["parent"], strict=True)), set[int]()
    for id in everyone["id"][everyone["alive"]].tolist():
        while id is not None and id not in lines:  # up to the first ancestor, or one that another line has
            lines.add(id)
            id = parent_of.get(id)
    children["line"] = children["id"].isin(lines)
    counts = np.array([_screened(records.get(int(id), {})) for id in children["id"]]).reshape(-1, len(SCREENED))
    children[list(SCREENED)] = counts
    names = [
        "id",
        "parent",
        "generation",
        "kind",
        "failed",
        "before",
        "after",
        "flops_ratio",
        "front",
        "line",
        *SCREENED,
    ]
    return children[children["kind"].notna()][names].reset_index(drop=True)


def _screened(record: Mapping[str, Any]) -> tuple[float, ...]:
    """How many mutants were tried, neutral, and died; NaN if the record does not say, for a file may hold anything."""
    counts = [record.get(name) for name in SCREENED]
    if any(isinstance(n, bool) or not isinstance(n, int) for n in counts):
        return (math.nan,) * len(SCREENED)
    tried, neutral, died = map(float, counts)  # type: ignore[arg-type]
    return (tried, neutral, died) if 0 <= min(neutral, died) <= neutral + died <= tried else (math.nan,) * len(SCREENED)


def _kinds(run: Run, table: pd.DataFrame) -> tuple[str, ...]:
    known = tuple(run.space.mutation_kinds)
    more = sorted(set(table["kind"]) - {*known, BY_HAND})[:MOST_KINDS]
    return (*known, *more, *([BY_HAND] if (table["kind"] == BY_HAND).any() else []))


def _effects(table: pd.DataFrame, kinds: Sequence[str]) -> tuple[Effects, ...]:
    return tuple(_effects_of(kind, table[table["kind"] == kind]) for kind in kinds)


def _effects_of(kind: str, children: pd.DataFrame) -> Effects:
    ranked, screened = children["front"].dropna(), {name: int(children[name].sum()) for name in SCREENED}
    return Effects(
        kind=kind,
        children=len(children),
        failed=int(children["failed"].sum()),
        before=median(children["before"].to_numpy()),
        after=median(children["after"].to_numpy()),
        flops=median(children["flops_ratio"].to_numpy()),
        front=share(int(ranked.sum()), len(ranked)),
        lines=share(int(children["line"].sum()), len(children)),
        neutral=share(screened["neutral"], screened["tried"]),
        died=share(screened["died"], screened["tried"]),
    )


def held_probabilities(run: Run, kinds: Sequence[str]) -> pd.DataFrame:
    """The probability with which each kind was drawn, by generation (the mean over its children).

    Children of a search with adaptive rates say in their record which probabilities held; those of others had what a
    person had asked for.
    """
    import pandas as pd

    table, records = run.individuals, run.mutations()
    asked = _asked(run, kinds)
    table = table[(table["origin"] == "mutation") & table["parent"].notna()]
    held = [_numbers(records[int(id)].get("probabilities"), kinds) or asked(int(id)) for id in table["id"]]
    frame = pd.DataFrame(held, columns=list(kinds), dtype="float64")
    return frame.groupby(table["generation"].to_numpy()).mean().rename_axis("generation")


def _numbers(record: Any, kinds: Sequence[str]) -> list[float] | None:
    """The numbers of all kinds in a record; None if it lacks one, for a file may hold anything."""
    values = [record.get(kind) for kind in kinds] if isinstance(record, Mapping) else []
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return numbers if len(numbers) == len(kinds) else None


def _asked(run: Run, kinds: Sequence[str]) -> Callable[[int], list[float]]:
    """A function from a child's id to the probabilities that a person had asked for, in the order of `kinds`."""
    events = run.events[run.events["kind"] == "settings"]
    rates: dict[str, Any] = {}
    steps: list[tuple[int, list[float]]] = []
    for from_child, values in [(-1, run.config), *zip(events["from_child"], events["values"], strict=True)]:
        changed = values.get("rates")
        rates = {**rates, **(changed if isinstance(changed, Mapping) else {})}
        asked = [rates.get(kind) for kind in kinds]
        relative = np.array([float(value) if isinstance(value, int | float) else 0.0 for value in asked])
        steps.append((from_child, (relative / (relative.sum() or 1.0)).tolist()))
    return lambda child: next(held for start, held in reversed(steps) if start <= child)
