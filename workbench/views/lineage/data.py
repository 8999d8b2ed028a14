"""Where a network came from: the steps from its first ancestor to it, and the family tree of the front (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import RunError
from workbench.views.mutations.data import BY_HAND

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store import Run

INITIAL = "initial"
"""Kind of an individual that no mutation made."""


@dataclass(frozen=True)
class Step:
    """One individual of a lineage."""

    id: int  # in the run
    generation: int  # in which it was made
    kind: str  # of the mutation that made it, "by hand", or "initial"
    val_accuracy: float  # after training, NaN if unknown
    initial_val_accuracy: float  # before training, NaN if unknown
    flops: int  # per image
    record: dict[str, Any]  # of the mutation
    parent: int | None = None  # id
    is_kept: bool = True  # whether its network is in the file


@dataclass(frozen=True)
class LineageInfo:
    """A lineage, and the relatives around it.

    Attributes:
        steps: from the first ancestor in the file to the individual itself.
        relatives: the members of the all-time front and all their ancestors, rows of `Run.individuals`.
        kinds: of mutation, in the order of the search space.
    """

    steps: tuple[Step, ...]
    relatives: pd.DataFrame
    kinds: tuple[str, ...]


def lineage_info(run: Run, id: int) -> LineageInfo:
    """The lineage of individual `id`, and the family tree of the front.

    Raises:
        RunError: if there is no such individual.
    """
    everyone = run.individuals.set_index("id", drop=False)
    if id not in everyone.index:
        raise RunError(f"{run.path} has no individual {id}; it holds {len(everyone)} individuals")
    parent_of = everyone["parent"].dropna().astype(int).to_dict()
    steps = tuple(_step(run, everyone.loc[each]) for each in _ancestors(id, parent_of) if each in everyone.index)
    family = {each for member in everyone["id"][everyone["on_front"]] for each in _ancestors(int(member), parent_of)}
    relatives = everyone[everyone["id"].isin(list(family))]
    return LineageInfo(steps, relatives, tuple(run.space.mutation_kinds))


def _ancestors(id: int, parent_of: Mapping[Any, int]) -> list[int]:
    """From the first ancestor down to `id`; a damaged file may name parents in a circle."""
    path = {id: None}
    while (id := parent_of.get(id, id)) not in path:
        path[id] = None
    return list(path)[::-1]


def _step(run: Run, row: Any) -> Step:
    import pandas as pd

    id, record = int(row["id"]), run.mutation(int(row["id"]))
    kind = BY_HAND if row["origin"] == BY_HAND else str(record.get("kind") or INITIAL)
    val_accuracy, initial = float(row["val_accuracy"]), float(row["initial_val_accuracy"])
    flops = 0 if np.isnan(float(row["flops"])) else int(row["flops"])
    parent = None if pd.isna(row["parent"]) else int(row["parent"])
    is_kept = row["genome"] in ("trained", "topology")
    return Step(id, int(row["generation"]), kind, val_accuracy, initial, flops, record, parent, is_kept)
