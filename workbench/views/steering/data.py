"""What the latest children of each mutation did (pure)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.individuals import is_by_hand
from workbench.search import Snapshot
from workbench.views.mutations.data import Estimate, median

LATELY = 40
"""Children of a mutation that count as its latest."""


@dataclass(frozen=True)
class Lately:
    """What became of the latest trained children of one mutation; those made by hand are left out."""

    kind: str  # of mutation
    children: int  # at most `LATELY`
    front: int  # of them on the all-time front now
    alive: int  # of them in the population or in the generation in progress
    gains: tuple[
        tuple[float, bool], ...
    ]  # accuracy − parent's in fractions of 1, and whether on the front; oldest first
    accuracy: Estimate  # median of the gains
    flops: Estimate  # median of the child's FLOPs over its parent's


def lately(snapshot: Snapshot, kinds: Sequence[str]) -> tuple[Lately, ...]:
    """What the latest children of each of `kinds` did, in that order, from the individuals that a search remembers."""
    remembered: tuple[Any, ...] = (*snapshot.recent, *snapshot.population, *snapshot.archive, *snapshot.current)
    known = {one.id: (one.val_accuracy, one.flops) for one in remembered}
    front = {one.id for one in snapshot.archive}
    alive = {one.id for one in (*snapshot.population, *snapshot.current)}
    latest = {kind: deque[int](maxlen=LATELY) for kind in kinds}
    parents: dict[int, int] = {}
    for one in snapshot.recent:
        if one.parent is not None and one.mutation in latest and not is_by_hand(one.id):
            latest[one.mutation].append(one.id)
            parents[one.id] = one.parent
    found = []
    for kind, children in latest.items():
        pairs = [(id, known[id], known[parents[id]]) for id in children if parents[id] in known]
        gains = [(child[0] - parent[0], id in front) for id, child, parent in pairs if math.isfinite(parent[0])]
        ratios = [child[1] / parent[1] for _, child, parent in pairs if parent[1]]
        found.append(
            Lately(
                kind=kind,
                children=len(children),
                front=sum(id in front for id in children),
                alive=sum(id in alive for id in children),
                gains=tuple(gains),
                accuracy=median([gain for gain, _ in gains]),
                flops=median(ratios),
            )
        )
    return tuple(found)
