"""A genome that a person made, as an individual of a search."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import RunError, WorkbenchError
from workbench.individuals import BY_HAND, OK, Individual, TrainResult
from workbench.space import SearchSpace

INSERTED_EVENT = "by hand"
"""Event: an individual was put in by hand. Its generation says when it is ranked; `values["id"]` which one it is."""

ORIGIN = "by hand"


def individual_by_hand(
    space: SearchSpace,
    data: Any,
    genome: Any,
    *,
    parent: int | None = None,
    record: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, float]] = (),
) -> Individual:
    """Measure a genome on the validation split; `id` and `generation` are still to be given.

    Args:
        space: of the search.
        data: of the search.
        genome: trained: with a weight on every edge.
        parent: id of the individual that it was made from.
        record: what was done to the parent, JSON-ready; its `kind` names it ("by hand" if it has none).
        history: one mapping per epoch that it was trained.

    Raises:
        WorkbenchError: if the genome is not trained, or does not fit the space or the data.
    """
    started = time.perf_counter()
    try:
        accuracy, cost = float(space.evaluate(genome, data, "validation")), space.cost(genome)
    except WorkbenchError:
        raise
    except Exception as error:  # whatever a space does with something that is no genome of its own
        raise RunError(
            f"expected a trained genome of the search space {space.name!r}, got {type(genome).__name__} "
            f"({type(error).__name__}: {error}); make one as the space does"
        ) from error
    before = float("nan") if history else accuracy
    return Individual(
        id=BY_HAND,
        parent=parent,
        generation=0,
        origin=ORIGIN,
        mutation={"kind": ORIGIN, **(record or {})},
        seed=0,
        status=OK,
        failure=None,
        cost=cost,
        result=TrainResult(genome, accuracy, before, tuple(dict(row) for row in history)),
        wall_seconds=time.perf_counter() - started,
    )
